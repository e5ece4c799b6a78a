"""A Sphinx extension: forms for the exercises that a page can check by itself. _config.yml names it.

Where a cell of a chapter calls ``check("name", …)`` for an exercise that asks for numbers or a formula, the page gets a
form before it. The cell stays, folded: it is how the same is answered in a notebook. The rules come from
``senet_lib.book.exercises``; ``book/_static/exercises.js`` reads them.
"""

import json
import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

CALL = re.compile(r'^check\("(?P<name>\w+)",', re.MULTILINE)
WORDS = {
    "answer": "Your answer",
    "formula": "A formula of {variables}",
    "check": "Check",
    "code": "In a notebook",
}
SCRIPT = "exercises.js"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", add_forms)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_forms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if app.builder.name != "html":
        return
    for cell in list(doctree.findall(lambda node: isinstance(node, nodes.container) and "cell" in node["classes"])):
        called = CALL.search(cell.astext())
        if called and (form := form_of(called["name"])):
            parent = cell.parent
            place = parent.index(cell)
            parent.remove(cell)
            opened = nodes.raw("", f"<details><summary>{WORDS['code']}</summary>", format="html")
            closed = nodes.raw("", "</details>", format="html")
            parent.insert(place, [nodes.raw("", form, format="html"), opened, cell, closed])


def add_script(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Only pages with something to check load the script: a form, or a self-test."""
    text = context.get("body", "")
    if "senet-exercise" in text or "senet-option" in text:
        app.add_js_file(SCRIPT, loading_method="defer")


def form_of(name: str) -> str | None:
    """The form of an exercise as HTML; None if a page cannot check it."""
    from senet_lib.book.exercises import EXERCISES  # PyTorch comes with it: not for a page without exercises

    checker, praise = EXERCISES[name]
    if not hasattr(checker, "form"):
        return None
    form = {"name": name, "praise": praise, **checker.form()}
    rules = json.dumps(form, ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<form class="senet-exercise" id="exercise-{name}">{fields_of(form)}'
        f'<button type="submit">{WORDS["check"]}</button><p role="status"></p>'
        f'<script type="application/json">{rules}</script></form>'
    )


def fields_of(form: dict[str, Any]) -> str:
    """A labelled field for each number, or one for a formula."""
    if "cases" in form:
        variables = ", ".join(form["variables"])
        label = WORDS["formula"].format(variables=variables)
        return field_of(label, "text", form["template"])
    return "".join(field_of(label or WORDS["answer"], "decimal", "") for label in form["labels"])


def field_of(label: str, mode: str, example: str) -> str:
    hint = f' placeholder="{escape(example)}"' if example else ""
    return (
        f'<label><span>{escape(label)}</span><input type="text" inputmode="{mode}" autocomplete="off" '
        f'spellcheck="false"{hint}></label>'
    )
