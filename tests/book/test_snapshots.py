"""Each figure's still picture and each table is what was looked at last."""

import io
import shutil

import matplotlib.pyplot as plt
import pytest
import torch

from senet_lib.book.figures.figure import Figure
from senet_lib.book.plots import use_book_style
from senet_lib.cost.measure import measure_cost
from senet_lib.doctor import examine
from senet_lib.doctor.specimens import SPECIMENS
from senet_lib.networks import create_model
from tests.browser.figures import all_figures
from tools.snapshots import FOLDER, accept, changed_snapshots, check_snapshot, show

FIGURES = {figure.__name__: figure for figure in all_figures()}


def draw(figure: type[Figure]) -> bytes:
    """The still picture of the example, small: it is to be compared, and kept in the repository."""
    use_book_style()
    torch.manual_seed(0)
    drawn, file = figure.example().draw_still(), io.BytesIO()
    drawn.savefig(file, format="png", dpi=50, bbox_inches="tight", metadata={"Software": None})
    plt.close(drawn)
    return file.getvalue()


@pytest.mark.parametrize("name", FIGURES)
def test_a_still_picture_is_the_one_that_was_looked_at(name):
    check_snapshot(f"{name}.png", draw(FIGURES[name]))


def test_tables_are_those_that_were_looked_at():
    torch.manual_seed(0)
    models = {name: create_model(name) for name in ("se_small_resnet", "se_resnet20", "se_resnet50")}
    costs = [f"{name}\n{measure_cost(model, (3, 64, 64), depth=1)}" for name, model in models.items()]
    check_snapshot("costs.txt", "\n\n".join(costs).encode())
    reports = [f"{name}\n{examine(one.make_faulty(), one.input_size)}" for name, one in SPECIMENS.items()]
    check_snapshot("reports.txt", "\n\n".join(reports).encode())


def test_no_snapshot_belongs_to_nothing():
    kept = {path.stem for path in FOLDER.iterdir() if not path.stem.endswith("-changed")}
    assert kept == {*FIGURES, "costs", "reports"}


def test_a_changed_one_is_kept_beside_the_old_shown_and_accepted(tmp_path):
    one_digit = plt.figure(figsize=(7, 4))
    for digit in "12":
        one_digit.clear()
        one_digit.text(0.5, 0.5, f"accuracy 0.5{digit}", fontsize=8)
        file = io.BytesIO()
        one_digit.savefig(file, dpi=50)
        with pytest.raises(AssertionError, match=r"the snapshot accuracy\.png has changed"):
            check_snapshot("accuracy.png", file.getvalue(), tmp_path)
        assert "1 changed, the kept one on the left: file://" in show(tmp_path, tmp_path / "page.html")
        assert ("none is kept yet" in (tmp_path / "page.html").read_text()) == (digit == "1")
        assert accept(tmp_path) == "1 accepted"
        check_snapshot("accuracy.png", file.getvalue(), tmp_path)
    shutil.copy(FOLDER / "costs.txt", tmp_path)
    with pytest.raises(AssertionError, match=r"costs\.txt has changed"):
        check_snapshot("costs.txt", b"1 < 2", tmp_path)
    assert show(tmp_path, tmp_path / "page.html") and "1 &lt; 2" in (tmp_path / "page.html").read_text()
    accept(tmp_path)
    assert changed_snapshots(tmp_path) == [] and show(tmp_path, tmp_path / "page.html") == "no snapshot has changed"
