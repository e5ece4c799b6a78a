"""Recorded runs over the reduction ratio r: accuracy, parameters, time, and the r that leaves too narrow a bottleneck.

Source of the idea: Hu et al. (arXiv 1709.01507v4), Section 6.1, Table 10. Its numbers can stand beside ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.book.records import Record, curves, load_record, summarise
from senet_lib.common.validation import require_whole
from senet_lib.data.context_world import SOLVED

Series = dict[str, Any]
NO_SE = 0  # in place of r: the network without SE
ACCURACY, ERROR = "test accuracy", "top-1 error"
LARGEST = {ACCURACY: 1, ERROR: 100}  # the largest result of each metric
DATA_NAMES = {"context-world": "Context World"}  # where a record's name is not what people write


def hidden_widths(channels: Sequence[int], reduction: int) -> list[int]:
    """Hidden units of the SE blocks in each stage: C // r, but at least 1, as the experiments with a large r have it.

    Raises:
        ValueError: if r or one of the channels is not a whole number of at least 1.
    """
    require_whole("reduction", reduction)
    for count in channels:
        require_whole("channels", count)
    return [max(1, count // reduction) for count in channels]


def recorded_series(
    record: Record,
    channels: Sequence[int],
    *,
    title: str,
    solved: float | None = None,
    reference: tuple[float, str] | None = None,
    note: str = "",
) -> Series:
    """A record in the form that the figure takes. It has the arm "plain", and "r=4" and the like; others are left out.

    Args:
        record: as :func:`senet_lib.book.records.load_record` gives it.
        channels: C of each stage, or of each block, for the hidden widths.
        title: what the menu calls it.
        solved: the test accuracy, 0 to 1, from which the task counts as solved; None if there is no such thing.
        reference: a test accuracy to draw as a dashed line, and what it is.
        note: what a reader must know about the data, as a sentence.

    Raises:
        ValueError: if the record lacks "plain", or has no arm "r=…".
    """
    summary = summarise(record)
    ratios = sorted(int(arm[2:]) for arm in summary if arm.startswith("r=") and arm[2:].isdecimal())
    if "plain" not in summary or not ratios:
        raise ValueError(f'the record has the arms {", ".join(summary)}; it needs "plain", and some such as "r=4"')
    settings, pictures = record["settings"], record["pictures"]
    data = DATA_NAMES.get(settings["data"], settings["data"])
    return {
        "name": record["experiment"],
        "title": title,
        "metric": ACCURACY,
        "plain": _recorded_arm(record, "plain", summary["plain"]),
        "entries": [
            {"r": r, "hidden": hidden_widths(channels, r), **_recorded_arm(record, f"r={r}", summary[f"r={r}"])}
            for r in ratios
        ],
        "solved": solved,
        "reference": None if reference is None else {"value": reference[0], "label": reference[1]},
        "source": f"Recorded: {data}, {pictures['train']:,} pictures to train and {pictures['test']:,} to test, "
        f"{settings['recipe']['epochs']} epochs. {note}".strip(),
    }


def published_series(
    name: str,
    title: str,
    *,
    errors: Mapping[int, float],
    parameters_millions: Mapping[int, float],
    channels: Sequence[int],
    source: str,
) -> Series:
    """Printed top-1 errors, one for each r, in the form that the figure takes.

    Args:
        name: of the series, for ``shown``.
        title: what the menu calls it.
        errors: from r to the top-1 error in %; 0 stands for the network without SE.
        parameters_millions: from r to the parameters in millions, with 0 likewise.
        channels: C of each stage, for the hidden widths.
        source: the publication with its table.

    Raises:
        ValueError: if the two have not the same r, or lack 0.
    """
    if errors.keys() != parameters_millions.keys() or NO_SE not in errors:
        raise ValueError(
            f"errors has r = {list(errors)}, parameters_millions has {list(parameters_millions)}; "
            "give both for the same r, and 0 for the network without SE"
        )
    arms = {r: {"parameters": parameters_millions[r], "results": [error]} for r, error in errors.items()}
    ratios = sorted(arms.keys() - {NO_SE})
    return {
        "name": name,
        "title": title,
        "metric": ERROR,
        "parameters_unit": "million",
        "plain": arms[NO_SE],
        "entries": [{"r": r, "hidden": hidden_widths(channels, r), **arms[r]} for r in ratios],
        "source": source,
    }


def _recorded_arm(record: Record, arm: str, summed: Mapping[str, Any]) -> dict[str, Any]:
    """One network of a record, its seeds in order."""
    seeds = np.array(list(summed["accuracies"]))
    order = np.argsort(seeds)
    over_epochs = curves(record, arm)[order]
    return {
        "parameters": record["settings"]["parameters"][arm],
        "seeds": seeds[order].tolist(),
        "results": over_epochs[:, -1].tolist(),
    }


class ReductionExplorer(Asking, Figure):
    """A slider for r over recorded runs: what each r cost, and how each seed ended.

    With ``asks``, the charts wait for a guess: how many seeds does the largest r of the first series solve?

    Attributes:
        series: what the menu offers, each as :func:`recorded_series` or :func:`published_series` makes it, a dictionary
            with ``name``, ``title``, ``metric`` ("test accuracy", 0 to 1, or "top-1 error", in %), ``plain`` (the
            network without SE), ``entries`` (one for each ``r``, with ``hidden``, the widths of its SE blocks),
            ``source``, and perhaps ``parameters_unit`` ("" or "million"), ``solved`` (a result that solves the task)
            and ``reference`` (``value`` and ``label`` of a dashed line). ``plain`` and the entries have
            ``parameters``, ``results`` (one for each seed), and perhaps ``seeds``.
            Anything else raises a ValueError.
        shown: the ``name`` of a series, at first that of the first one; the menu moves it.
        reduction: r, one of the series' own, or 0 for the network without SE; the slider moves it, and so does a click
            into the chart.
    """

    title = "How narrow may the bottleneck be?"
    description = (
        "The result of each run as a dot, over the reduction ratio r, with the network without SE at the right end."
    )
    series = traitlets.List(traitlets.Dict()).tag(sync=True)
    shown = traitlets.Unicode().tag(sync=True)
    reduction = traitlets.Int(NO_SE).tag(sync=True)

    @traitlets.validate("series")
    def _checked(self, proposal: dict[str, Any]) -> list[Series]:
        for index, one in enumerate(proposal["value"]):
            _require_series(one, [other.get("name") for other in proposal["value"][:index]])
        return list(proposal["value"])

    @traitlets.default("shown")
    def _first_series(self) -> str:
        return str(self.series[0].get("name", "")) if self.series else ""

    @classmethod
    def from_records(
        cls, records: Mapping[str, Mapping[str, Any]], published: Sequence[Series] = (), **state: Any
    ) -> Self:
        """The figure over records of the library.

        Args:
            records: from the name of each record to the arguments of :func:`recorded_series`; ``channels`` and
                ``title`` are needed.
            published: series of :func:`published_series`, which follow in the menu.
            **state: other traits.

        Raises:
            ValueError: if there is no such record, or it has not the arms.
        """
        own = [recorded_series(load_record(name), **options) for name, options in records.items()]
        return cls(series=[*own, *published], **state)

    @classmethod
    def example(cls) -> Self:
        records: dict[str, dict[str, Any]] = {
            "context-world-reduction": {
                "title": "Context World, small ResNet",
                "channels": (16, 32),
                "solved": SOLVED,
                "reference": (9 / 16, "9/16: the blind vote"),
            },
            "cifar10-gates": {
                "title": "CIFAR-10 (JPEG-75), ResNet-20",
                "channels": (16, 32, 64),
                "note": "CIFAR-10, encoded anew as JPEG of quality 75: do not compare with published accuracies.",
            },
        }
        return cls.from_records(
            records,
            reduction=16,
            caption="Move r, and look at each dot. From which r on can you still rely on every seed? Then choose "
            "the photographs: can one run of each name a best r?",
        )

    def draw_still(self) -> Picture:
        series = {one["name"]: one for one in self.series}[self.shown]
        arms = {**{entry["r"]: entry for entry in series["entries"]}, NO_SE: series["plain"]}
        picture, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
        _draw_results(ax, series, arms, self.reduction)
        picture.suptitle(series["title"], x=0.01, ha="left", fontsize=11)
        return picture


def _require_series(one: Series, names: Sequence[Any]) -> None:
    """Raise a ValueError that names what a series lacks."""
    name, metric = one.get("name"), str(one.get("metric"))
    where = f"series {name}"
    _need(
        isinstance(name, str) and name and name not in names, f"series has the name {name}", "give another text to each"
    )
    _need(metric in LARGEST, f"{where} has metric {metric}", f"it must be one of {', '.join(LARGEST)}")
    unit = one.get("parameters_unit", "")
    _need(unit in ("", "million"), f"{where} has parameters_unit {unit}", 'it must be "" or "million"')
    most, entries = LARGEST[metric], one.get("entries") or []
    _need(entries, f"{where} has no list of entries", "give one for each r")
    plain = one.get("plain") or {}
    _require_arm(plain, f"{where}, plain,", most, plain)
    ratios = [entry.get("r") for entry in entries]
    for r, entry in zip(ratios, entries, strict=True):
        good = type(r) is int and r > 0 and ratios.count(r) == 1
        _need(good, f"{where} has r = {r} among its entries", "each needs a whole number of its own above 0")
        _require_arm(entry, f"{where}, r = {r},", most, plain)
        hidden = entry.get("hidden")
        good = bool(hidden) and all(type(width) is int and width > 0 for width in hidden)
        _need(good, f"{where}, r = {r}, has hidden {hidden}", "give whole numbers above 0")
    for level, value in (("solved", one.get("solved")), ("reference", (one.get("reference") or {}).get("value"))):
        _need(value is None or _is_result(value, most), f"{where} has {level} {value}", f"it must be from 0 to {most}")


def _require_arm(arm: Mapping[str, Any], where: str, most: float, plain: Mapping[str, Any]) -> None:
    parameters, results, seeds = arm.get("parameters"), arm.get("results") or [], arm.get("seeds")
    good = isinstance(parameters, int | float) and 0 < (plain.get("parameters") or 0) <= parameters
    _need(good, f"{where} has {parameters} parameters", "give a number above 0, and not below that without SE")
    _need(results, f"{where} has no list of results", "give one for each seed")
    bad = [value for value in results if not _is_result(value, most)]
    _need(not bad, f"{where} has the result {bad[:1]}", f"it must be from 0 to {most}")
    good = seeds is None or len(set(seeds)) == len(seeds) == len(results)
    _need(good, f"{where} has seeds {seeds}", f"give another one for each of its {len(results)} results, or none")


def _is_result(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and 0 <= value <= most


def _need(good: Any, fault: str, fix: str) -> None:
    if not good:
        raise ValueError(f"{fault}; {fix}")


def _draw_results(ax: Axes, series: Series, arms: Mapping[int, Mapping[str, Any]], chosen: int) -> None:
    """A column for each r, a dot for each seed, and the mean as a bar."""
    for place, (r, arm) in enumerate(arms.items()):
        results = np.array(arm["results"])
        across = place + 0.6 * (np.arange(len(results)) - (len(results) - 1) / 2) / max(len(results), 6)
        colour, marker = (COLOURS["plain"], "s") if r == NO_SE else (COLOURS["se"], "o")
        ax.plot(across, results, marker, color=colour, markersize=4, alpha=1 if r == chosen else 0.6)
        if len(results) > 1:
            ax.hlines(results.mean(), place - 0.36, place + 0.36, color="#1A1A2E", linewidth=1.5)
        if r == chosen:
            ax.axvspan(place - 0.48, place + 0.48, color="#EEF0F3", zorder=0)
    if reference := series.get("reference"):
        ax.axhline(reference["value"], color=COLOURS["plain"], linestyle="--", linewidth=1)
        ax.set_title(reference["label"], loc="right", fontsize=9, color=COLOURS["plain"])
    ax.set_xticks(range(len(arms)), ["no SE" if r == NO_SE else str(r) for r in arms])
    ax.set(xlabel="reduction ratio r", ylabel=f"{series['metric']}{', %' if series['metric'] == ERROR else ''}")
    ax.grid(axis="x", visible=False)
