"""Tables in Markdown, and how they write accuracies."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from senet_lib.data.context_world import SOLVED

NUMBER = re.compile("[-+−]?[0-9]|–$")
SPREAD = " ±\N{NO-BREAK SPACE}"  # in a narrow column the spread may stand below the mean, with its sign


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading and rows of cells, as Markdown. Columns of numbers, but for the first, keep to the right."""
    rows = list(rows)
    numbers = [sum(NUMBER.match(row[place]) is not None for row in rows) for place in range(len(head))]
    rules = ["---:" if place and 2 * count > len(rows) else "---" for place, count in enumerate(numbers)]

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join([line(head), f"|{'|'.join(rules)}|", *map(line, rows)])


def mean_of(accuracies: ArrayLike) -> str:
    """The mean over the seeds."""
    return f"{np.asarray(accuracies).mean():.3f}"


def mean_and_spread(accuracies: ArrayLike) -> str:
    """Mean and standard deviation over the seeds; of one seed just its number."""
    values = np.asarray(accuracies)
    return mean_of(values) + (f"{SPREAD}{values.std(ddof=1):.3f}" if len(values) > 1 else "")


def signed(number: float, digits: int) -> str:
    """With its sign, also a plus, and a minus as long as the plus; what rounds to 0 has none."""
    text = f"{number:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def solved_of(accuracies: Sequence[float]) -> str:
    """With how many of the seeds the Context World is solved."""
    return f"{sum(one >= SOLVED for one in accuracies)} of {len(accuracies)}"


def seeds_in_words(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
