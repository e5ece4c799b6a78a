"""What the X-ray of networks offers is what its command makes, and each borrowed network has its licence beside it."""

import json

from senet_lib.book.experiments.xray_examples import examples
from senet_lib.book.figures.network_xray import EXAMPLE


def without_previews(saved):
    """An encoder of pictures may round otherwise in another version."""
    return saved | {"pictures": [{k: v for k, v in one.items() if k != "preview"} for one in saved["pictures"]]}


def test_the_examples_are_on_record_and_their_files_are_there(root, monkeypatch):
    monkeypatch.chdir(root)
    saved = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert without_previews(json.loads(json.dumps(examples()))) == without_previews(saved)
    assert len(saved["imagenet"]) == 1000
    borrowed = {path.name for path in (root / "results" / "borrowed_networks").iterdir()}
    for one in saved["examples"]:
        assert (root / "results" / "networks" / one["file"]).exists() or one["file"] in borrowed
    for name in borrowed:
        assert name.endswith(".LICENSE.txt") or f"{name.removesuffix('.onnx')}.LICENSE.txt" in borrowed
