"""The notebooks run in an empty folder of their own; what is cached does not run again; what fails is said."""

import pytest
from jupyter_cache import get_cache

from tools.execute import execute, list_sources

HEAD = """---
kernelspec:
  name: python3
  display_name: Python 3
---

# A page

```{code-cell} ipython3
"""


@pytest.fixture
def page(tmp_path):
    def write(name: str, code: str):
        path = tmp_path / f"{name}.md"
        path.write_text(f"{HEAD}{code}\n```\n", encoding="utf-8")
        return path

    return write


def outputs(cache_folder) -> list[str]:
    cache = get_cache(cache_folder)
    bundles = [cache.get_cache_bundle(record.pk) for record in cache.list_cache_records()]
    return ["".join(one.text for one in bundle.nb.cells[-1].outputs) for bundle in bundles]


def test_it_runs_the_library_of_its_path_in_an_empty_folder(page, tmp_path, monkeypatch):
    cache, library = tmp_path / "cache", tmp_path / "site" / "senet_lib"
    library.mkdir(parents=True)
    (library / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(library.parent))
    source = page("where", "import os, senet_lib\nprint(senet_lib.__file__, os.listdir())")
    assert execute([source], cache) == []
    assert outputs(cache) == [f"{library / '__init__.py'} []\n"]


def test_only_what_is_not_in_the_cache_runs(page, tmp_path):
    cache, counter = tmp_path / "cache", tmp_path / "counter"
    sources = [page(name, f"open({str(counter)!r}, 'a').write({name!r})") for name in "ab"]
    assert execute(sources, cache) == execute(sources, cache) == []
    assert sorted(counter.read_text()) == ["a", "b"]
    page("b", f"open({str(counter)!r}, 'a').write('c')")
    assert execute(sources, cache) == []
    assert sorted(counter.read_text()) == ["a", "b", "c"]


def test_a_warning_is_shown_to_who_builds(page, tmp_path, capsys):
    sources = [page("calm", "print('calm')"), page("loud", "import sys\nprint('font not found', file=sys.stderr)")]
    assert execute(sources, tmp_path / "cache") == []
    said = capsys.readouterr().err
    assert "loud.md: readers will see this warning:\nfont not found" in said
    assert "calm" not in said


def test_what_fails_and_what_leaves_files_is_named(page, tmp_path):
    sources = [page("good", "1"), page("bad", "1 / 0"), page("untidy", "open('left.txt', 'w').close()")]
    failed = execute(sources, tmp_path / "cache")
    assert len(failed) == 2
    assert "bad.md" in failed[0] and "ZeroDivisionError" in failed[0]
    assert "untidy.md" in failed[1] and "leaves left.txt behind" in failed[1]
    assert len(get_cache(tmp_path / "cache").list_cache_records()) == 1


def test_every_page_with_code_is_executed(root):
    names = [source.name for source in list_sources(root)]
    assert names[0] == "index.md" and len(names) == 1 + len(list((root / "notebooks").glob("*.md")))
