"""Names of modules, in parts."""

from collections.abc import Iterable, Sequence


def common_beginning(lists: Iterable[Sequence[str]]) -> list[str]:
    """The parts that all have in common, from the first on."""
    common = []
    for level in zip(*lists, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return common
