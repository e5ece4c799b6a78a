"""Two networks trained with the same seeds: what one run says, and what several say.

The differences are taken seed by seed (paired), or the two groups are compared without the pairs (unpaired, with a
pooled standard deviation). Both intervals are Student's, at 95%.
"""

from collections.abc import Sequence
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from scipy.special import stdtrit

from senet_lib.book.figures.figure import Asking, Figure
from senet_lib.book.plots import COLOURS
from senet_lib.book.records import Record, load_record, summarise
from senet_lib.common.validation import require_choice
from senet_lib.cost.attention_formulas import ATTENTION_NAMES

# 97.5% of Student's t lie below it, for 1, 2, 3, … degrees of freedom; enough for two groups of 30 seeds. The page
# computes its 95% intervals with these numbers, too.
T_QUANTILES = stdtrit(range(1, 59), 0.975).tolist()
NO_SPREAD = 1e-9  # a standard error below this is nothing but rounding
MOST_NAMES = 10  # of seeds below the axis of the still picture
MARKERS = (("plain", "s"), ("se", "o"))  # colour and marker of the network without, and of the one with it


class PairedSeeds(Asking, Figure):
    """Draw a seed, and conclude; draw another. Then look at several: the mean difference and its interval.

    With ``asks``, the verdict waits for a guess: with how many of the seeds is the second network better?

    Attributes:
        experiments: what the menu offers: dictionaries with a ``title``, a ``note`` on the data and the recipe, and
            two or more ``arms``. An arm has a ``name``, perhaps a ``title``, and two lists: its ``seeds`` (whole
            numbers) and the final test ``accuracies`` with them (0 to 1). :meth:`from_records` makes them.
        experiment: place of the chosen one, from 0; the menu moves it.
        without: name of the arm to compare with; the menu moves it.
        with_it: name of the arm whose gain is asked for; the menu moves it.
        shown: how many seeds the reader looks at, from 1 to all that both arms have; the slider moves it.
        first: place of the first of them, from 0; the button moves it. Behind the last seed comes the first again.
        pairing: "paired", or "unpaired" to forget which runs share a seed; the two buttons move it.
    """

    title = "One seed, or several?"
    description = (
        "On the left the test accuracy of two networks, a pair of points for each seed. On the right the difference of "
        "each pair, and below them their mean; where there are several seeds, with its 95% interval."
    )
    experiments = traitlets.List(traitlets.Dict()).tag(sync=True)
    experiment = traitlets.Int(0).tag(sync=True)
    without = traitlets.Unicode().tag(sync=True)
    with_it = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Int(1).tag(sync=True)
    first = traitlets.Int(0).tag(sync=True)
    pairing = traitlets.Unicode("paired").tag(sync=True)
    _quantiles = traitlets.List(traitlets.Float(), T_QUANTILES).tag(sync=True)

    @classmethod
    def from_records(
        cls,
        records: Sequence[Record],
        compare: tuple[str, str] | None = None,
        titles: Sequence[str] | None = None,
        **state: Any,
    ) -> Self:
        """The figure of some recorded experiments.

        Args:
            records: as :func:`senet_lib.book.records.load_record` gives them.
            compare: the arm without and the arm with what is asked about, of the experiment that is shown first; its
                first two arms if None.
            titles: one for each record; the names of the experiments if None.
            state: other traits.

        Raises:
            ValueError: if there is no record, a record has fewer than two arms, an experiment or an arm to compare is
                not there, or there are not as many titles as records.
        """
        if not records:
            raise ValueError("records is empty; give at least one, for example load_record('context-world')")
        titles = [record["experiment"] for record in records] if titles is None else titles
        if len(titles) != len(records):
            raise ValueError(f"titles has {len(titles)} texts for {len(records)} records; give one for each")
        experiments = [_read_record(record, title) for record, title in zip(records, titles, strict=True)]
        shown_first = state.get("experiment", 0)
        if shown_first not in range(len(records)):
            raise ValueError(f"experiment is {shown_first!r}; it must be a whole number from 0 to {len(records) - 1}")
        names = [arm["name"] for arm in experiments[shown_first]["arms"]]
        without, with_it = compare or names[:2]
        require_choice("the first arm of compare", without, names)
        require_choice("the second arm of compare", with_it, names)
        return cls(**{"experiments": experiments, "without": without, "with_it": with_it, **state})

    @classmethod
    def example(cls) -> Self:
        return cls.from_records(
            [load_record("digits"), load_record("context-world")],
            titles=["Digits", "Context World"],
            caption="Look at one seed, and say which network is better. Then press “Another seed” until you must take "
            "it back. Now raise the number of seeds: what happens to the interval?",
        )

    def draw_still(self) -> Picture:
        seeds, before, after, titles = self._shown_runs()
        picture, (runs, differences) = plt.subplots(1, 2, figsize=(7, 2.9), layout="constrained")
        if self.pairing == "paired":
            _draw_pairs(runs, seeds, before, after, titles)
        else:
            _draw_groups(runs, before, after, titles)
        _draw_differences(differences, before, after, self.pairing)
        runs.set_title("test accuracy, 0 to 1", loc="left", fontsize=10)
        differences.set_title(f"{titles[1]} less {titles[0]}", loc="left", fontsize=10)
        return picture

    def _shown_runs(self) -> tuple[list[int], np.ndarray, np.ndarray, list[str]]:
        """The seeds that are shown, the accuracies of both arms with them, and the arms' titles.

        A bad state raises: then the live figure says what is wrong.
        """
        arms = {arm["name"]: arm for arm in self.experiments[self.experiment]["arms"]}
        pair = [arms[self.without], arms[self.with_it]]
        of_seed = [dict(zip(arm["seeds"], arm["accuracies"], strict=True)) for arm in pair]
        common = sorted(of_seed[0].keys() & of_seed[1].keys())
        seeds = [common[(self.first + place) % len(common)] for place in range(self.shown)]
        before, after = (np.array([accuracies[seed] for seed in seeds]) for accuracies in of_seed)
        return seeds, before, after, [arm.get("title", arm["name"]) for arm in pair]


def _read_record(record: Record, title: str) -> dict[str, Any]:
    """A record in the form that the figure takes."""
    arms: list[dict[str, Any]] = [
        {
            "name": name,
            "title": ATTENTION_NAMES.get(name, name),
            "seeds": sorted(values["accuracies"]),
            "accuracies": [values["accuracies"][seed] for seed in sorted(values["accuracies"])],
        }
        for name, values in summarise(record).items()
    ]
    if len(arms) < 2:
        names = ", ".join(arm["name"] for arm in arms) or "none"
        raise ValueError(f"the record {record['experiment']} has the arms {names}; give one with two arms or more")
    settings, pictures = record["settings"], record["pictures"]
    epochs = settings["recipe"]["epochs"]
    note = (
        f"{settings['data']}: {pictures['train']:,} pictures to train and {pictures['test']:,} to test, "
        f"{epochs} {'epoch' if epochs == 1 else 'epochs'}."
    )
    return {"title": title, "note": note, "arms": arms}


def _interval(before: np.ndarray, after: np.ndarray, pairing: str) -> tuple[float, float]:
    """The mean difference, and half the width of its 95% interval; NaN where the runs do not give one."""
    count, mean = len(before), (after - before).mean()
    if count < 2:
        return mean, np.nan
    if pairing == "paired":
        error, freedom = (after - before).std(ddof=1) / count**0.5, count - 1
    else:
        error, freedom = ((before.var(ddof=1) + after.var(ddof=1)) / count) ** 0.5, 2 * count - 2
    return mean, T_QUANTILES[freedom - 1] * error if error > NO_SPREAD else np.nan


def _draw_pairs(ax: Axes, seeds: list[int], before: np.ndarray, after: np.ndarray, titles: list[str]) -> None:
    """Two points for each seed, and a line that links them."""
    places = np.arange(len(seeds))
    ax.vlines(places, before, after, color=COLOURS["plain"], linewidth=1)
    for values, title, (colour, marker) in zip((before, after), titles, MARKERS, strict=True):
        ax.plot(places, values, marker, color=COLOURS[colour], label=title)
    named = slice(None, None, -(-len(seeds) // MOST_NAMES))  # so that names do not touch
    ax.set_xticks(places[named], [str(seed) for seed in seeds[named]])
    ax.set(xlabel="seed", xlim=(-0.7, len(seeds) - 0.3))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2, frameon=False)


def _draw_groups(ax: Axes, before: np.ndarray, after: np.ndarray, titles: list[str]) -> None:
    """The points of each network in a column of their own, with their mean."""
    for place, (values, (colour, marker)) in enumerate(zip((before, after), MARKERS, strict=True)):
        ax.plot(np.full(len(values), place), values, marker, color=COLOURS[colour], alpha=0.7)
        ax.hlines(values.mean(), place - 0.25, place + 0.25, color=COLOURS[colour], linewidth=2)
    ax.set_xticks([0, 1], titles)
    ax.set_xlim(-0.6, 1.6)


def _draw_differences(ax: Axes, before: np.ndarray, after: np.ndarray, pairing: str) -> None:
    """The difference of each pair, and below them the intervals: unpaired is shown beside paired."""
    ax.axvline(0, color=COLOURS["plain"], linewidth=1)
    ax.plot(after - before, np.zeros(len(before)), "o", color=COLOURS["plain"], alpha=0.7)
    names = ["each seed"]
    for row, name in enumerate(["paired", "unpaired"] if pairing == "unpaired" else ["paired"], 1):
        mean, half = _interval(before, after, name)
        ax.errorbar(mean, row, xerr=half, fmt="D", color=COLOURS["se"], capsize=4)
        text = f"{mean:.4f}" if np.isnan(half) else f"{mean - half:.4f} to {mean + half:.4f}"
        names.append(f"{name}\n{text}".replace("-", "−"))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel("difference of the test accuracies")
