"""README: its examples run as they stand, and its map is short and true."""

import re

import pytest


@pytest.fixture
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_examples_run_one_after_the_other(readme, tmp_path, monkeypatch):
    names = {}
    monkeypatch.chdir(tmp_path)  # they write files
    for example in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        exec(example, names)
    assert names["s"].shape == (8, 64) and names["x_tilde"].shape == names["u"].shape
    assert names["html"].startswith("<")


def test_the_map_fits_on_a_screen_and_names_every_package(readme, root):
    lines = readme.split("## Map\n")[1].split("\n## ")[0].strip().splitlines()
    assert len(lines) <= 20
    named = set(re.findall(r"\]\(([\w/]+)\)", "\n".join(lines)))
    assert all((root / folder).is_dir() for folder in named)
    assert {f"senet_lib/{path.parent.name}" for path in (root / "senet_lib").glob("*/__init__.py")} <= named
