// Upright bars, any count of them, on a canvas.
import { chooseAlong, colour, element, formatNumber, setAttributes } from "./kit.js";

/**
 * One upright bar for each number, any count of them. draw(values, { least, largest, chosen }): the axis runs from
 * least to largest (default: 0, or the smallest value below it, to the largest value); the chosen bar has the ink's colour.
 * onChoose(index): called when the reader presses on a bar, or moves along the bars with the arrow keys.
 */
export function bars({ count, quantity, label, height = 90, onChoose = null }) {
  const canvas = element("canvas", { class: "senet-bars", style: `height: ${height}px` });
  const attributes = onChoose
    ? { role: "slider", tabindex: 0, "aria-label": `${label}: choose a channel`, "aria-valuemin": 0, "aria-valuemax": count - 1 }
    : { role: "img", "aria-label": label };
  for (const [name, value] of Object.entries(attributes)) canvas.setAttribute(name, value);
  const context = canvas.getContext("2d");
  let current = 0;

  const draw = (values, { least = null, largest = null, chosen = null } = {}) => {
    const density = window.devicePixelRatio || 1;
    const wide = Math.max(1, Math.round((canvas.clientWidth || 300) * density));
    const high = Math.round(height * density);
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    let low = least ?? 0;
    let top = largest ?? 0;
    for (let i = 0; i < count; i += 1) {
      if (least === null && values[i] < low) low = values[i];
      if (largest === null && values[i] > top) top = values[i];
    }
    if (top === low) top = low + 1;
    const toY = (value) => high - ((Math.min(top, Math.max(low, value)) - low) / (top - low)) * high;
    const zero = toY(0);
    const slot = wide / count;
    const gap = slot > 4 ? slot * 0.2 : 0;
    const [ink, fill] = ["--senet-ink", `--quantity-${quantity}`].map((name) => `rgb(${colour(canvas, name)})`);
    context.clearRect(0, 0, wide, high);
    context.fillStyle = fill;
    const together = Math.max(1, Math.floor(count / wide)); // bars that share a column of pixels are one stroke
    for (let i = 0; i < count; i += together) {
      let [upper, lower] = [zero, zero];
      for (let j = i; j < Math.min(count, i + together); j += 1) {
        const y = toY(values[j]);
        if (y < upper) upper = y;
        if (y > lower) lower = y;
      }
      const breadth = Math.max(slot * together - gap, 0.5);
      context.fillRect(i * slot + gap / 2, upper, breadth, Math.max(lower - upper, 0.5));
    }
    context.fillStyle = ink;
    context.fillRect(0, Math.min(zero, high - density), wide, density);
    if (chosen !== null) {
      current = chosen;
      const y = toY(values[chosen]);
      context.fillRect(chosen * slot + gap / 2, Math.min(y, zero), Math.max(slot - gap, 2), Math.max(Math.abs(zero - y), 2));
      const text = `channel ${chosen}: ${formatNumber(values[chosen])}`;
      if (onChoose) setAttributes(canvas, { "aria-valuenow": chosen, "aria-valuetext": text }); // an image has no value
    }
    canvas.values = values; // for tests
  };

  if (onChoose) {
    const placeOf = ({ clientX }) => {
      const { left, width } = canvas.getBoundingClientRect();
      return Math.floor(((clientX - left) / width) * count);
    };
    chooseAlong(canvas, { placeOf, placeNow: () => current, count: () => count, choose: onChoose });
  }
  return { element: canvas, draw };
}
