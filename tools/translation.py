"""A Sphinx extension: gettext finds the words of folds, and those over folded code.

With it a translated edition of the pages needs catalogues, and no change of a page:

    jupyter-book build . --builder custom --custom-builder gettext

The words of the figures stand in tables of their own, one a module. Not found: what plots show, for screen readers.
"""

import re
from collections.abc import Sequence
from typing import Any

from docutils import nodes
from sphinx.addnodes import translatable
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

PROMPTS = ("prompt_show", "prompt_hide")  # where myst-nb keeps them, on the node of a cell
SUMMARY = re.compile(r"(?<=<summary>)(.+?)(?=</summary>)", re.DOTALL)


class FoldWords(translatable, nodes.Invisible, nodes.Element):
    """Stands before a fold, which is a cell or HTML, and brings its words to gettext and back."""

    @property
    def fold(self) -> nodes.Element:
        return self.next_node(descend=False, siblings=True)

    def preserve_original_messages(self) -> None:
        fold = self.fold
        words = SUMMARY.findall(fold.astext()) if isinstance(fold, nodes.raw) else [fold[name] for name in PROMPTS]
        self["messages"] = list(dict.fromkeys(words))

    def extract_original_messages(self) -> Sequence[str]:
        return self["messages"]

    def apply_translated_message(self, original_message: str, translated_message: str) -> None:
        fold = self.fold
        if isinstance(fold, nodes.raw):
            before, after = (f"<summary>{words}</summary>" for words in (original_message, translated_message))
            fold[:] = [nodes.Text(fold.astext().replace(before, after))]
        for name in PROMPTS:
            if fold.get(name) == original_message:
                fold[name] = translated_message


def is_fold(node: nodes.Node) -> bool:
    if isinstance(node, nodes.raw):
        return SUMMARY.search(node.astext()) is not None
    return isinstance(node, nodes.Element) and "prompt_show" in node


class MarkFolds(SphinxTransform):
    default_priority = 9  # before Sphinx looks what there is to translate

    def apply(self, **kwargs: Any) -> None:
        for fold in list(self.document.findall(is_fold)):
            words = FoldWords()
            words.source, words.line = fold.source or self.document["source"], fold.line
            fold.parent.insert(fold.parent.index(fold), words)


class DropMarks(SphinxTransform):
    default_priority = 900  # afterwards

    def apply(self, **kwargs: Any) -> None:
        if self.app.builder.name != "gettext":
            for words in list(self.document.findall(FoldWords)):
                words.parent.remove(words)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(MarkFolds)
    app.add_transform(DropMarks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
