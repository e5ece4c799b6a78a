"""A small drawing for each chapter's card on the landing page, as SVG: what its main figure looks like from afar.

One drawing serves the light and the dark page: it has no ground, and its colours are told from white and from black.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np

from senet_lib.book.plots import COLOURS
from senet_lib.data.context_world import Scene, glyph

WIDTH, HEIGHT = 240, 136
GREY = "#8a93a0"
INK = "#6d7784"
BLACK = "#101216"
SHADES = ("#f0523d", "#2ebd5f", "#4d82ff")  # red, green, blue, as the landing page's figure has them
X, U, Z, S, X_TILDE = (COLOURS[name] for name in ("x", "u", "z", "s", "x_tilde"))
SEED = 3
Point = tuple[float, float]


def rect(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1, radius: float = 0) -> str:
    extra = (f' rx="{radius:g}"' if radius else "") + (f' opacity="{opacity:.2g}"' if opacity < 1 else "")
    return f'<rect x="{x:.4g}" y="{y:.4g}" width="{width:.4g}" height="{height:.4g}" fill="{fill}"{extra}/>'


def outline(x: float, y: float, width: float, height: float, stroke: str = INK, radius: float = 4) -> str:
    return (
        f'<rect x="{x:.4g}" y="{y:.4g}" width="{width:.4g}" height="{height:.4g}" rx="{radius:g}" fill="none" '
        f'stroke="{stroke}" stroke-width="2"/>'
    )


def dot(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:g}" fill="{fill}"/>'


def line(points: Iterable[Point], stroke: str = INK, width: float = 2, opacity: float = 1) -> str:
    places = " ".join(f"{x:.4g},{y:.4g}" for x, y in points)
    faint = f' opacity="{opacity:.2g}"' if opacity < 1 else ""
    return f'<polyline points="{places}" fill="none" stroke="{stroke}" stroke-width="{width:g}"{faint}/>'


def arrow(x: float, y: float, length: float = 16) -> str:
    end = x + length
    return line([(x, y), (end, y)]) + line([(end - 5, y - 5), (end, y), (end - 5, y + 5)])


def bars(x: float, floor: float, heights: Iterable[float], fill: str, width: float = 8, gap: float = 4) -> str:
    return "".join(rect(x + i * (width + gap), floor - height, width, height, fill) for i, height in enumerate(heights))


def far_square() -> str:
    """Chapter 1: a scene, and a window that does not reach the cue."""
    scene = Scene((1, 2, 0), ((24, 3), (25, 14), (25, 25)), 1, (0, 9), 0)
    side, left = HEIGHT - 8, (WIDTH - HEIGHT + 8) / 2
    pixel = side / 32
    parts = [rect(left, 4, side, side, BLACK, radius=6)]
    for colour, (shape, (top, column)) in enumerate(zip(scene.shapes, scene.glyph_corners, strict=True)):
        lit = "".join(f"M{column + j} {top + i}h1v1h-1z" for i, j in np.argwhere(glyph(shape)))
        parts.append(f'<path transform="translate({left:g} 4) scale({pixel:g})" d="{lit}" fill="{SHADES[colour]}"/>')
    row, column = scene.cue_corner
    parts.append(rect(left + column * pixel, 4 + row * pixel, 8 * pixel, 8 * pixel, SHADES[scene.cue_colour]))
    frame = f'x="{left + 9 * pixel:g}" y="{4 + 15 * pixel - 1:g}" width="{17 * pixel:g}" height="{17 * pixel:g}"'
    parts.append(f'<rect {frame} fill="none" stroke="#fff" stroke-width="1.5" stroke-dasharray="4 3"/>')
    return "".join(parts)


def squeeze() -> str:
    """Chapter 2: of each map, one number is left."""
    random = np.random.default_rng(SEED)
    parts = []
    for i, mean in enumerate((0.75, 0.3, 0.5)):
        top = 6 + 44 * i
        shares = np.clip(random.normal(mean, 0.25, (4, 4)), 0.08, 1)
        for (row, column), share in np.ndenumerate(shares):
            parts.append(rect(44 + 9.5 * column, top + 9.5 * row, 9, 9, U, share))
        parts += [arrow(100, top + 19, 24), rect(142, top + 9, 72 * float(shares.mean()), 20, Z, radius=2)]
    return "".join(parts)


def excitation() -> str:
    """Chapter 3: many numbers, few, and many gates."""
    parts = [bars(16, 112, (20, 52, 34, 70, 26, 44), Z), bars(156, 112, (88, 8, 80, 14, 90, 30), S)]
    ends = [(94, y) for y in (34, 58, 82, 106)], [(150, y) for y in (34, 58, 82, 106)]
    for y in (52, 88):
        parts += [line([end, (122, y)], GREY, 1.5) for side in ends for end in side]
        parts.append(dot(122, y, 7, X))
    return "".join(parts)


def rescale() -> str:
    """Chapter 4: maps, gates, and the maps that are left."""
    gates = (1, 0.12, 0.75, 0.2)
    parts = [bars(98, 100, [64 * gate for gate in gates], S, width=8), arrow(150, 68, 14)]
    for i, gate in enumerate(gates):
        shift = 11 * i
        parts += [rect(12 + shift, 26 + shift, 40, 42, U), outline(12 + shift, 26 + shift, 40, 42, "#fff", 0)]
        parts += [rect(166 + shift, 26 + shift, 36, 42, "#fff"), rect(166 + shift, 26 + shift, 36, 42, X_TILDE, gate)]
        parts.append(outline(166 + shift, 26 + shift, 36, 42, X_TILDE, 0))
    return "".join(parts)


def places() -> str:
    """Chapter 5: a block, its shortcut, and five places for a gate."""
    parts = [line([(14, 84), (226, 84)]), line([(38, 84), (38, 28), (180, 28), (180, 84)])]
    parts += [rect(70 + 44 * i, 66, 30, 36, X, radius=5) for i in range(2)]
    parts += [
        f'<circle cx="180" cy="84" r="11" fill="{BLACK}"/>',
        line([(174, 84), (186, 84)], "#fff"),
        line([(180, 78), (180, 90)], "#fff"),
    ]
    parts += [dot(x, y, 8, S) for x, y in ((54, 84), (107, 84), (158, 84), (107, 28), (209, 84))]
    return "".join(parts)


def bill() -> str:
    """Chapter 6: what each stage pays."""
    own, added = (12, 22, 48, 72), (1, 3, 10, 34)
    parts = [line([(24, 122), (216, 122)])]
    for i, (network, se) in enumerate(zip(own, added, strict=True)):
        parts += [rect(36 + 46 * i, 121 - network, 30, network, X), rect(36 + 46 * i, 119 - network - se, 30, se, S)]
    return "".join(parts)


def ladder() -> str:
    """Chapter 7: a trained network, in which some blocks get SE."""
    parts = [line([(10, 72), (230, 72)])]
    for i in range(8):
        size = 34 + 5 * (i // 2)
        parts.append(rect(16 + 27 * i, 72 - size / 2, 20, size, X, radius=4))
        if i in (2, 3, 6, 7):
            parts.append(rect(16 + 27 * i, 72 - size / 2 - 14, 20, 10, S, radius=4))
    return "".join(parts)


def race() -> str:
    """Chapter 8: two networks, several seeds each."""
    random = np.random.default_rng(SEED)
    parts = [line([(22, 10), (22, 122), (226, 122)])]
    for colour, height, speed in ((GREY, 84, 0.21), (S, 86, 0.19)):
        for seed in range(4):
            noise = random.normal(0, 2.6, 18).cumsum() * 0.7
            points = [(26 + 11.6 * t, 118 - height * (1 - math.exp(-speed * t)) - noise[t]) for t in range(18)]
            parts.append(line(points, colour, 3 if seed == 0 else 1.5, 1 if seed == 0 else 0.55))
    return "".join(parts)


def necks() -> str:
    """Chapter 9: five bottlenecks, each narrower."""
    parts = []
    for i, width in enumerate((34, 26, 18, 11, 5)):
        x = 30 + 45 * i
        for top, bottom, edge in ((20, 66, 17), (116, 70, 17)):
            points = ((x - edge, top), (x + edge, top), (x + width / 2, bottom), (x - width / 2, bottom))
            places = " ".join(f"{a:g},{b:g}" for a, b in points)
            parts.append(f'<polygon points="{places}" fill="{Z if top < bottom else S}"/>')
        parts.append(rect(x - width / 2, 65, width, 6, X))
    return "".join(parts)


def heat() -> str:
    """Chapter 10: gates over classes."""
    shares = np.random.default_rng(SEED + 4).beta(0.5, 0.6, (5, 12))
    cells = [
        rect(18 + 17 * j, 12 + 23 * i, 15, 20, S, max(0.08, float(share))) for (i, j), share in np.ndenumerate(shares)
    ]
    return "".join(cells)


def menus() -> str:
    """Chapter 11: gather, decide, act, one of several each."""
    chosen, parts = (1, 0, 2), []
    centres = [(18 + 78 * column + 24, 16 + 38 * row + 13) for column, row in enumerate(chosen)]
    parts.append(line(centres, INK, 3))
    for column, colour in enumerate((Z, S, X_TILDE)):
        for row in range(3):
            x, y = 18 + 78 * column, 16 + 38 * row
            parts.append(
                rect(x, y, 48, 26, colour, radius=5) if row == chosen[column] else outline(x, y, 48, 26, GREY, 5)
            )
    return "".join(parts)


def code() -> str:
    """Chapter 12: lines of code, and one that is wrong."""
    lines = ((0, 92), (16, 120), (16, 76), (32, 104), (32, 64), (16, 88))
    parts = [
        rect(28 + indent, 14 + 19 * i, length, 9, "#d55e00" if i == 3 else GREY, 1 if i == 3 else 0.7, 4)
        for i, (indent, length) in enumerate(lines)
    ]
    parts += ['<circle cx="176" cy="76" r="24" fill="none" stroke="#0072b2" stroke-width="5"/>']
    parts.append(line([(193, 93), (212, 114)], X, 7))
    return "".join(parts)


DRAWINGS: tuple[Callable[[], str], ...] = (
    *(far_square, squeeze, excitation, rescale, places, bill),
    *(ladder, race, necks, heat, menus, code),
)


def draw_all() -> dict[str, str]:
    """From a file's name to its text."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    return {f"chapter_{number:02}.svg": f"{head}{draw()}</svg>\n" for number, draw in enumerate(DRAWINGS, 1)}
