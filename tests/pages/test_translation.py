"""Can all words of a page be translated by gettext, without a change of the page?"""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po
from sphinx.cmd.build import main

PAGE = """---
jupytext: {text_representation: {extension: .md, format_name: myst, format_version: 0.13}}
kernelspec: {name: python3, display_name: Python 3}
---
# A chapter

Text of it.

<details><summary>A fold</summary>

Folded text.

</details>

```{code-cell} ipython3
---
mystnb:
  code_prompt_show: The loop
  code_prompt_hide: The loop
tags: [hide-input]
---
print("no word of the page")
```

```{code-cell} ipython3
:tags: [hide-input]
a = 1
```
"""
CONF = """
extensions = ["myst_nb", "tools.translation"]
nb_execution_mode = "off"
nb_code_prompt_show, nb_code_prompt_hide = "Show the code", "Hide the code"
suppress_warnings = ["myst-nb.lexer"]
locale_dirs = ["locale"]
exclude_patterns = ["_build", "locale"]
"""


@pytest.fixture
def book(tmp_path) -> Path:
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    return tmp_path


def build(book: Path, builder: str, *options: str) -> Path:
    out = book / "_build" / builder
    assert main(["-q", "-W", "-b", builder, "-d", str(out / "doctrees"), *options, str(book), str(out)]) == 0
    return out


def test_text_folds_and_prompts_come_from_a_catalogue(book):
    with (build(book, "gettext") / "index.pot").open("rb") as template:
        catalogue = read_po(template, locale="ko")
    for message in catalogue:
        message.string = message.id and message.id.replace("A fold", "F").replace("The loop", "L").replace("Text", "T")
    translated = book / "locale" / "ko" / "LC_MESSAGES" / "index.po"
    translated.parent.mkdir(parents=True)
    with translated.open("wb") as written:
        write_po(written, catalogue)
    page = (build(book, "html", "-D", "language=ko") / "index.html").read_text(encoding="utf-8")
    assert "T of it." in page and "<summary>F</summary>" in page
    assert "The loop" not in page and page.count(">L<") == 2
    assert "Show the code" in page and "Hide the code" in page
    assert "no word of the page" in page
    assert {"A fold", "The loop", "Show the code", "Hide the code"} <= {message.id for message in catalogue}
