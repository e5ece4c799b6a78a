"""The base of all interactive figures: one source for JupyterLab, VS Code, Colab and a plain HTML page.

With a kernel, a figure is an `anywidget <https://anywidget.dev>`_: its traits are in step with Python. Without one, its
HTML form holds a still picture, the state, the module and a small host that mounts the module. Nothing is fetched.

Bad state (NaN, wrong shape, a number out of range) is found by the module, which says so in the figure's frame: it is
the one place that sees every change, with and without a kernel.
"""

import base64
import functools
import hashlib
import inspect
import io
import json
import math
import re
import threading
import traceback
import warnings
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike
from PIL import Image

HERE = Path(__file__).parent
HEIGHTS = HERE / "heights.json"  # pixels: of each figure [width, height], …; python -m tools.heights measures them
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<file>[\w./]+)";\n', re.MULTILINE)
# Lines that are nothing but a comment. tests/book/test_figures.py sees to it that no text in the code looks like one.
COMMENT = re.compile(r"^[ \t]*(//[^\n]*|/\*.*?\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
NOT_SHARED = {"asks", "caption", "folder", "runtime"}  # the book's own settings; the last two are addresses of files
STILL_DOTS_PER_INCH = 144
STILL_COLOURS = 128


class Array(traitlets.TraitType):
    """A NumPy array that reaches the browser as bytes: float32, int32 or uint8, in C order.

    Floating point of any precision becomes float32. Whole numbers from 0 to 255, and booleans, become uint8; where all
    are 0 or 255 they travel as bits. A number that is too large for its type is an error, not another number.
    """

    info_text = "an array of numbers"

    def __init__(self, **options: Any):
        super().__init__(np.zeros(0, np.float32), **options)
        self.tag(sync=True, to_json=_array_to_json, from_json=_array_from_json)

    def validate(self, owner: Any, value: ArrayLike) -> np.ndarray:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise traitlets.TraitError(f"{self.name} has type {array.dtype}; it must be {self.info_text}")
        kind = _browser_type(array)
        limits = np.finfo(kind) if array.dtype.kind == "f" else np.iinfo(kind)
        beyond = array[(array < limits.min) | (array > limits.max)]
        beyond = beyond[np.isfinite(beyond)]
        if beyond.size:
            raise traitlets.TraitError(
                f"{self.name} holds {beyond.flat[0]:,}; numbers of type {kind.__name__} go from {limits.min:,} to "
                f"{limits.max:,}"
            )
        return np.ascontiguousarray(array.astype(kind, copy=False))


class Arrays(traitlets.Dict):
    """A dictionary from names to arrays, each as in :class:`Array`."""

    def __init__(self, **options: Any):
        super().__init__(value_trait=Array(), key_trait=traitlets.Unicode(), **options)
        self.tag(
            sync=True,
            to_json=lambda arrays, widget: {name: _array_to_json(a, widget) for name, a in arrays.items()},
            from_json=lambda packed, widget: {name: _array_from_json(p, widget) for name, p in packed.items()},
        )


class Figure(anywidget.AnyWidget):
    """A figure that is alive with and without a kernel.

    A subclass in ``name.py`` has a module ``name.js`` beside it, and perhaps a style sheet ``name.css``; traits tagged
    ``sync=True``, a ``title``, a ``description`` and two methods: ``draw_still`` and ``example``.

    Attributes:
        title: what the figure is called, in a few words.
        description: what the still picture shows, for readers who cannot see it.
        caption: one or two sentences below the figure: what to do, and what to notice.
        shares: names of traits that a link to a view may set; ``None``: all numbers, switches and texts, but for
            ``transient`` ones. Never the addresses of files: a link must not choose what a page loads.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    shares: ClassVar[tuple[str, ...] | None] = None
    _parts: ClassVar[list[str]]
    _sheets: ClassVar[list[str]]
    caption = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)

    def __init_subclass__(cls, **options: Any) -> None:
        # Each instance gets a class of its own from anywidget, in which these two are traits already.
        if not isinstance(getattr(cls, "_esm", None), traitlets.TraitType):
            source = Path(inspect.getfile(cls))
            cls._parts = join_modules(source.with_suffix(".js"))
            cls._esm = "".join(cls._parts)
            sheets = (HERE / "figure.css", source.with_suffix(".css"))
            cls._sheets = [sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.exists()]
            cls._css = "".join(cls._sheets)
        super().__init_subclass__(**options)

    def __init__(self, **state: Any):
        self._lock = threading.RLock()
        super().__init__(_title=self.title, **state)

    def update(self, **state: Any) -> None:
        """Set several traits at once, from any thread: the browser gets them in one message."""
        with self._lock, self.hold_sync():
            for name, value in state.items():
                setattr(self, name, value)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """What the browser has changed. It waits for an ``update`` in another thread, and the reverse."""
        with self._lock:
            super().set_state(sync_data)

    @classmethod
    def example(cls) -> Self:
        """A small figure that needs no trained network: for tests, benchmarks and trying it out."""
        raise NotImplementedError(f"{cls.__name__} has no example()")

    def draw_still(self) -> Any:
        """The still picture, as a matplotlib figure about 7 inches wide: for print, GitHub, and without scripts."""
        raise NotImplementedError(f"{type(self).__name__} has no draw_still()")

    def to_html(self) -> str:
        """The figure as HTML that stands alone: put it into any page, and it lives there.

        Style sheets, modules and host carry a key. Of those with the same key a page needs only the first.
        """
        return self._to_html(base64.b64encode(self._still_png()).decode())

    def _to_html(self, picture: str) -> str:
        """The HTML form with this still picture, a PNG file as base64 text."""
        state = _as_script(self._plain_state())
        parts = [(_key(text), _as_script(text)) for text in self._parts]
        name = _key(state + "".join(key for key, _ in parts))
        kind = type(self).__name__
        sheets = [text for text in (*self._sheets, reserve_height(kind)) if text]
        styles = "\n".join(f'<style data-key="{_key(text)}">{text}</style>' for text in sheets)
        host = (HERE / "host.js").read_text(encoding="utf-8")
        modules = "\n".join(
            f'<script type="application/json" class="senet-module" data-key="{key}">{text}</script>'
            for key, text in parts
        )
        return (
            f'<div class="senet-figure" id="figure-{name}" data-kind="{kind}" data-title="{escape(self.title)}" '
            f'data-modules="{" ".join(key for key, _ in parts)}" data-shares="{" ".join(self._shared())}">\n'
            f"{styles}\n"
            f'<div class="senet-still"><img alt="{escape(self.description)}" src="data:image/png;base64,{picture}">'
            f'<p class="senet-caption">{escape(self.caption)}</p></div>\n'
            f'<script type="application/json" class="senet-state" data-of="figure-{name}">{state}</script>\n{modules}\n'
            f'<script data-key="{_key(host)}">{host}</script>\n</div>'
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict] | None:
        """The widget for front ends that have widgets, the HTML form for all others, a picture for the rest."""
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        picture = base64.b64encode(self._still_png()).decode()
        forms = {"text/html": self._to_html(picture), "image/png": picture}
        return {**data, **forms, "text/plain": f"{self.title}. {self.caption}"}, metadata

    def _shared(self) -> tuple[str, ...]:
        if self.shares is not None:
            return self.shares
        plain = (traitlets.Int, traitlets.Float, traitlets.Bool, traitlets.Unicode)
        own = set(self.traits(sync=True, transient=None)) - set(anywidget.AnyWidget.class_traits())
        named = {name for name in own - NOT_SHARED if not name.startswith("_")}
        return tuple(sorted(name for name in named if isinstance(self.traits()[name], plain)))

    def _plain_state(self) -> dict[str, Any]:
        """The figure's own traits, without those of the widget machinery, as JSON can hold them.

        Those that are tagged ``transient=True`` belong to one reader at one moment: here they are as at the start.
        """
        own = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_traits()) - {"_esm", "_css", "_anywidget_id"}
        state = self.get_state(own) | self.trait_defaults(transient=True)
        return {name: _to_plain(value) for name, value in sorted(state.items())}

    def _still_png(self) -> bytes:
        """The still picture in few colours. If it cannot be drawn there is a warning with the error, and a white one.

        That is so because the state may be bad, and then the live figure says why.
        """
        import matplotlib.pyplot as plt

        file = io.BytesIO()
        open_before = set(plt.get_fignums())
        try:
            figure = self.draw_still()
            figure.savefig(file, format="png", dpi=STILL_DOTS_PER_INCH, facecolor="white", bbox_inches="tight")
        except (ValueError, IndexError, KeyError, TypeError, ArithmeticError) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            warnings.warn(
                f"the still picture of {type(self).__name__} is white, because draw_still failed: "
                f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno}: {place.line})",
                RuntimeWarning,
                stacklevel=2,
            )
            Image.new("RGB", (1, 1), "white").save(file, format="png")
        finally:  # also one that was half drawn
            for number in set(plt.get_fignums()) - open_before:
                plt.close(number)
        small = io.BytesIO()
        Image.open(file).convert("RGB").quantize(STILL_COLOURS).save(small, format="png", optimize=True)
        return small.getvalue()


class Asking(traitlets.HasTraits):
    """What a figure has beside its own traits if it takes a guess before it shows an answer: ``parts/guess.js``.

    Attributes:
        asks: whether it asks. If not, all is shown at once.
        guesses: what the reader has guessed, by question. In a page without a kernel the browser keeps it.
    """

    asks = traitlets.Bool(False).tag(sync=True)
    guesses = traitlets.Dict().tag(sync=True, transient=True)


def reserve_height(kind: str) -> str:
    """CSS that keeps as much of a page free for a still picture as the live figure will take, so that nothing jumps.

    Between two measured widths the height is taken from the straight line. Without scripts, and in print, the picture
    stays, and is as high as it is.
    """
    heights = _read_heights().get(kind, [])
    still = f'.senet-figure[data-kind="{kind}"]:not([data-mounted="no"]) > .senet-still'
    rules = [f"{still} {{ min-height: {height}px; }}" for _, height in heights[:1]]
    for (width, height), (next_width, next_height) in pairwise(heights):
        slope = (next_height - height) / (next_width - width)
        rules.append(
            _from_width(width, f"{still} {{ min-height: calc({height}px + {slope:.3f} * (100cqw - {width}px)); }}")
        )
    rules += [_from_width(width, f"{still} {{ min-height: {height}px; }}") for width, height in heights[-1:]]
    return "\n".join(["@media screen and (scripting: enabled) {", *rules, "}\n"]) if rules else ""


def _from_width(width: int, rule: str) -> str:
    return f"@container senet-figure (min-width: {width}px) {{ {rule} }}"


@functools.cache
def _read_heights() -> dict[str, list[tuple[int, int]]]:
    return json.loads(HEIGHTS.read_text(encoding="utf-8"))


def join_modules(path: Path) -> list[str]:
    """The texts of a figure's file and of the files that it imports, each once; together they are one module.

    A front end gets a widget's module as one text, and a page opened from a folder may not import files. A bundler
    would need Node.js wherever the library runs; figures import nothing but files of this folder, so this is enough.
    Comments stay behind: whoever reads them has the file.
    """
    seen: set[Path] = set()

    def read(file: Path) -> list[str]:
        text = file.read_text(encoding="utf-8")
        texts = []
        for name in IMPORT.findall(text):
            beside = file.parent / name
            imported = beside if beside.exists() else HERE / name
            if imported not in seen:
                seen.add(imported)
                texts += read(imported)
        return [*texts, IMPORT.sub("", text)]

    *imported, own = (COMMENT.sub("", text) for text in read(path))
    return [EXPORT.sub("", text) for text in imported] + [own]


def _browser_type(array: np.ndarray) -> type:
    if array.dtype.kind == "f":
        return np.float32
    fits = array.dtype.kind == "b" or array.size == 0 or (array.min() >= 0 and array.max() <= 255)
    return np.uint8 if fits else np.int32


def _array_to_json(array: np.ndarray, widget: Any) -> dict[str, Any]:
    if array.dtype == np.uint8 and not (array % 255).any():  # nothing but 0 and 255, as the Context World's pictures
        return {"dtype": "bits", "shape": list(array.shape), "data": memoryview(np.packbits(array > 0).tobytes())}
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": memoryview(array.tobytes())}


def _array_from_json(packed: dict[str, Any], widget: Any) -> np.ndarray:
    if packed["dtype"] == "bits":
        bits = np.unpackbits(np.frombuffer(packed["data"], np.uint8), count=math.prod(packed["shape"]))
        return 255 * bits.reshape(packed["shape"])
    return np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])


def _to_plain(value: Any) -> Any:
    """The same for JSON: bytes as base64 text, and None for a number that is not finite."""
    if isinstance(value, dict):
        return {key: _to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(inner) for inner in value]
    if isinstance(value, memoryview):
        return base64.b64encode(value).decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _as_script(value: Any) -> str:
    """JSON that may stand between script tags: no text in it can close them."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
