// A picture from a file or a camera as the pixels that a network sees. All of it happens in this browser.
import { Problem } from "./kit.js";

const SEEN_SIDE = 32;
const SHOWN_SIDE = 320;
const MOST_BYTES = 50e6;
const MOST_PIXELS = 100e6;
const LONGEST_NAME = 40;
const FRAME_PAUSE = 100; // milliseconds

/**
 * The largest square in the middle of a picture, over white where it is transparent: { pixels: bytes (3, 32, 32), each
 * the mean of the area that it covers; shown: the square as a canvas of at most 320 pixels a side }.
 * @param source what a canvas can draw: an ImageBitmap, a video
 */
export function toPixels(source, width, height) {
  const side = Math.min(width, height);
  const square = [Math.floor((width - side) / 2), Math.floor((height - side) / 2), side, side];
  const means = areaMeans(source, square, SEEN_SIDE, SEEN_SIDE);
  const places = SEEN_SIDE * SEEN_SIDE;
  const pixels = Uint8Array.from({ length: 3 * places }, (_, i) => means[4 * (i % places) + Math.floor(i / places)]);
  const shown = whiteCanvas(Math.min(side, SHOWN_SIDE), Math.min(side, SHOWN_SIDE));
  shown.imageSmoothingQuality = "high";
  shown.drawImage(source, ...square, 0, 0, shown.canvas.width, shown.canvas.height);
  return { pixels, shown: shown.canvas };
}

/**
 * A part of a picture made smaller, over white where it is transparent: RGBA bytes (rows, columns, 4), each the mean of
 * the area that it covers.
 * @param part [left, top, width, height], whole numbers
 */
export function areaMeans(source, [left, top, wide, high], rows, columns) {
  const [down, across] = [areaShares(high, rows), areaShares(wide, columns)];
  const band = whiteCanvas(wide, Math.max(...down.map(({ weights }) => weights.length)));
  const pixels = new Uint8ClampedArray(4 * rows * columns).fill(255);
  down.forEach(({ start, weights }, row) => {
    // A band at a time: a whole picture of a hundred megapixels would take a canvas of 400 MB.
    band.fillRect(0, 0, wide, weights.length);
    band.drawImage(source, left, top + start, wide, weights.length, 0, 0, wide, weights.length);
    const means = bandMeans(band.getImageData(0, 0, wide, weights.length).data, wide, weights, across);
    means.forEach((mean, i) => (pixels[4 * (row * columns + Math.floor(i / 3)) + (i % 3)] = Math.round(mean)));
  });
  return pixels;
}

function whiteCanvas(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  return context;
}

// For each of the intervals of a side: its first pixel, and of it and the following ones the shares; they sum to 1.
function areaShares(side, intervals) {
  const step = side / intervals;
  return Array.from({ length: intervals }, (_, i) => {
    const [from, to] = [i * step, (i + 1) * step];
    const start = Math.floor(from);
    const count = Math.min(side, Math.ceil(to)) - start;
    const share = (pixel) => (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step;
    return { start, weights: Float64Array.from({ length: count }, (_, k) => share(start + k)) };
  });
}

// The red, green and blue of the pixels of a row, from a band of RGBA bytes.
function bandMeans(data, side, rowWeights, columns) {
  const means = new Float64Array(3 * columns.length);
  rowWeights.forEach((rowWeight, row) => {
    columns.forEach(({ start, weights }, column) => {
      let [red, green, blue] = [0, 0, 0];
      let place = 4 * (row * side + start);
      for (let k = 0; k < weights.length; k += 1, place += 4) {
        red += weights[k] * data[place];
        green += weights[k] * data[place + 1];
        blue += weights[k] * data[place + 2];
      }
      means[3 * column] += rowWeight * red;
      means[3 * column + 1] += rowWeight * green;
      means[3 * column + 2] += rowWeight * blue;
    });
  });
  return means;
}

/**
 * A picture file, turned as its EXIF says, as toPixels gives it, with its name. Throws a Problem that says in one line
 * why it can not be used.
 */
export async function readPicture(file) {
  const name = shortName(file.name);
  if (file.size === 0) throw new Problem(`${name} is empty (0 bytes); choose another file.`);
  if (file.size > MOST_BYTES) {
    throw new Problem(`${name} has ${Math.ceil(file.size / 1e6)} MB; choose a file of at most ${MOST_BYTES / 1e6} MB.`);
  }
  if (file.type === "image/svg+xml") throw new Problem(`${name} is a drawing (SVG); save it as a PNG first.`);
  const size = await sizeOf(file, name);
  if (size > MOST_PIXELS) {
    const [found, most] = [Math.ceil(size / 1e6), MOST_PIXELS / 1e6];
    throw new Problem(`${name} has ${found} megapixels; make it smaller: at most ${most}.`);
  }
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new Problem(`${name} is damaged or cut off; save it again, or choose another file.`);
  });
  try {
    return { name, ...toPixels(bitmap, bitmap.width, bitmap.height) };
  } finally {
    bitmap.close();
  }
}

const shortName = (name) => {
  if (!name) return "The picture";
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 8)}…${name.slice(-7)}`;
};

// How many pixels it has. An image element reads the head of a file, and decodes the rest only when it is painted.
async function sizeOf(file, name) {
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Problem(`${name} is not a picture that this browser can read; give a JPEG, PNG or WebP.`));
      image.src = address;
    });
    return image.naturalWidth * image.naturalHeight;
  } finally {
    image.removeAttribute("src");
    URL.revokeObjectURL(address);
  }
}

const REFUSALS = {
  NotAllowedError: "The camera was refused; allow it for this page in the browser's settings, or choose a file.",
  NotFoundError: "There is no camera; choose a file.",
  OverconstrainedError: "There is no camera; choose a file.",
  NotReadableError: "Another program uses the camera; close that program, or choose a file.",
};

/**
 * The camera: start(), stop() and isOn(). onFrame({ pixels, shown }) gets a frame, as toPixels gives it, some ten times a
 * second; onChange(message) is called when it goes on or off, with a line for the reader or "".
 */
export function createCamera(onFrame, onChange) {
  let [on, attempt] = [false, 0]; // a stop while the reader is still being asked makes the attempt void
  let [stream, timer] = [null, null];
  const isMine = (mine) => on && mine === attempt;
  const stop = (message = "") => {
    on = false;
    clearTimeout(timer);
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    onChange(message);
  };
  const takeFrames = (video) => {
    if (video.videoWidth > 0) onFrame(toPixels(video, video.videoWidth, video.videoHeight));
    timer = setTimeout(() => takeFrames(video), FRAME_PAUSE);
  };
  const open = async (mine) => {
    const given = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (!isMine(mine)) return given.getTracks().forEach((track) => track.stop());
    stream = given;
    stream.getVideoTracks()[0].addEventListener("ended", () => isMine(mine) && stop("The camera has ended; choose a file."));
    const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: given });
    await video.play();
    if (!isMine(mine)) return;
    onChange("");
    takeFrames(video);
  };
  const start = async () => {
    if (!navigator.mediaDevices) return stop("A page may use the camera from https or 127.0.0.1 only; choose a file.");
    const mine = (attempt += 1);
    on = true;
    onChange("Waiting for the camera …");
    try {
      await open(mine);
    } catch (error) {
      if (isMine(mine)) stop(REFUSALS[error.name] ?? `The camera cannot be used (${error.message}); choose a file.`);
    }
  };
  return { start, stop: () => stop(), isOn: () => on };
}
