"""What others than readers see: search engines, shared links, workflows, releases. One line holds the address."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image

import senet_lib
from tests.browser.test_pages import list_pages
from tools.addresses import Repository, find_repository
from tools.drawings import SOCIAL, draw_social
from tools.publishing import PICTURE, PICTURE_SIZE
from tools.release import find_notes

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CITATION = f"title: x\nversion: {senet_lib.__version__}\n"


@pytest.mark.parametrize(
    ("url", "book"),
    [
        ("https://github.com/Some-Body/a-book", "https://some-body.github.io/a-book/"),
        ("https://github.com/some-body/a-book.git", "https://some-body.github.io/a-book/"),
        ("https://github.com/some-body/some-body.github.io", "https://some-body.github.io/"),
        ("https://example.org/some-body/a-book", None),
    ],
)
def test_address_of_the_book_follows_from_that_of_the_repository(url, book):
    assert Repository(url, "main").book == book


@pytest.mark.parametrize(("owner", "is_real"), [("some-body", True), ("--your-account--", False)])
def test_a_placeholder_is_told_from_a_repository(owner, is_real):
    assert Repository(f"https://github.com/{owner}/a-book", "main").is_real == is_real


@pytest.mark.parametrize(
    ("environment", "remote", "found"),
    [
        ({"GITHUB_REPOSITORY": "a/b"}, "https://github.com/c/d.git", "https://github.com/a/b"),
        ({}, "https://github.com/c/d.git", "https://github.com/c/d"),
        ({}, "git@github.com:c/d.git", "https://github.com/c/d"),
        ({}, "/somewhere/else/d", "https://github.com/--nobody--/book"),
        ({}, None, "https://github.com/--nobody--/book"),
    ],
)
def test_the_address_comes_from_where_the_book_is(tmp_path, environment, remote, found):
    config = "repository:\n  url: https://github.com/--nobody--/book\n  branch: main\n"
    (tmp_path / "_config.yml").write_text(config, encoding="utf-8")
    if remote:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    assert find_repository(tmp_path, environment) == Repository(found, "main")


def test_each_chapter_is_served_as_a_notebook_beside_the_librarys_wheel():
    folder = HTML / "_sources" / "notebooks"
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page = read_page(f"notebooks/{path.stem}")
        assert page.select(f'a[href$="_sources/notebooks/{path.name}"]')
        text = (folder / path.name).read_text(encoding="utf-8")
        assert f"git+{find_repository().url}@" in text and "senet_lib-*.whl" in text
    wheel = read_page("book/run").select_one('a[href$=".whl"]')["href"]
    assert (HTML / "book" / wheel).exists()
    assert [path.name for path in folder.glob("*.whl")] == [f"senet_lib-{senet_lib.__version__}-py3-none-any.whl"]


def read_page(name: str) -> BeautifulSoup:
    if not (HTML / f"{name}.html").exists():
        pytest.fail("there is no built book; run: make book")
    return BeautifulSoup((HTML / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def meta(page: BeautifulSoup, name: str) -> str:
    """The content of the one tag of that name."""
    tags = page.select(f'meta[name="{name}"], meta[property="{name}"]')
    assert len(tags) == 1, name
    return tags[0]["content"]


@pytest.mark.parametrize("name", list_pages())
def test_page_says_what_it_is_to_search_engines_and_shared_links(name):
    page, home = read_page(name), find_repository().book
    address = f"{home}{name}.html"
    assert [link["href"] for link in page.select('link[rel="canonical"]')] == [address]
    assert meta(page, "og:url") == address
    assert 40 <= len(meta(page, "description")) <= 210
    assert meta(page, "og:title") in page.title.get_text()
    assert meta(page, "og:image") == f"{home}{PICTURE}"
    assert meta(page, "og:image:alt")
    assert meta(page, "twitter:card") == "summary_large_image"


@pytest.mark.parametrize("name", list_pages())
def test_buttons_lead_to_a_repository_that_is_there_or_are_not_there(name):
    repository, page = find_repository(), read_page(name)
    links = [link["href"] for link in page.select(".article-header-buttons a, .bd-footer a")]
    outside = [link for link in links if re.search("github|colab|mybinder", link)]
    assert bool(outside) == repository.is_real
    assert "/--" not in " ".join(link["href"] for link in page.select("a[href]"))


def test_descriptions_differ():
    descriptions = [meta(read_page(name), "description") for name in list_pages()]
    assert len(set(descriptions)) == len(descriptions)


def test_sitemap_has_each_page_once_and_robots_txt_names_it():
    home = find_repository().book
    places = [place.text for place in ET.parse(HTML / "sitemap.xml").iter() if place.tag.endswith("}loc")]
    assert sorted(places) == sorted(f"{home}{name}.html" for name in list_pages())
    assert f"Sitemap: {home}sitemap.xml\n" in (HTML / "robots.txt").read_text(encoding="utf-8")


def test_social_picture_is_small_and_what_the_library_draws():
    picture = Image.open(SOCIAL)
    assert picture.size == PICTURE_SIZE
    assert SOCIAL.stat().st_size < 60_000
    assert (HTML / PICTURE).read_bytes() == SOCIAL.read_bytes()
    assert picture.convert("RGB").tobytes() == draw_social().convert("RGB").tobytes(), "run: make drawings"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_names_its_actions_by_commit_and_may_do_little(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert actions and [one for one in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []
    assert all(job["timeout-minutes"] for name, job in workflow["jobs"].items() if name != "publish")


def test_release_attaches_the_book_and_the_library():
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    commands = " ".join(step.get("run", "") for step in release["jobs"]["release"]["steps"])
    for sign in ("tools.release", "make test", "senet-book.pdf", "senet-book.zip", ".whl"):
        assert sign in commands


def test_notes_of_a_release_are_its_section_of_the_changelog():
    version = senet_lib.__version__
    changelog = (
        f"# Changelog\n\n## [Unreleased]\n\n- new\n\n## [{version}] - 2026-01-01\n\n- old\n\n## [0.0.1]\n\n- older\n"
    )
    assert find_notes(f"v{version}", changelog, CITATION) == "- old\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "citation", "sign"),
    [
        ("v9.9.9", "## [9.9.9]\n", CITATION, "must be v"),
        (f"v{senet_lib.__version__}", "## [Unreleased]\n", CITATION, "has no section"),
        (f"v{senet_lib.__version__}", f"## [{senet_lib.__version__}]\n", "version: 9.9.9\n", "CITATION.cff"),
    ],
)
def test_a_release_that_is_not_ready_is_refused(tag, changelog, citation, sign):
    with pytest.raises(ValueError, match=re.escape(sign)):
        find_notes(tag, changelog, citation)


def test_citation_names_the_version_of_the_library():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == senet_lib.__version__


def test_containers_use_what_the_repository_has():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["updateContentCommand"] == "make .venv/.installed"
    build = ROOT / ".binder" / "postBuild"
    assert build.stat().st_mode & 0o111, "Binder runs it"
    assert "--constraint constraints.txt ." in build.read_text(encoding="utf-8")
