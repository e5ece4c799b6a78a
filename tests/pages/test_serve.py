"""Tests of tools.serve: what `make serve` sends."""

import gzip
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools import serve as server

TEXT = "<p>Squeeze, excite, rescale.</p>" * 200
NETWORK = bytes(range(256)) * 50


@pytest.fixture
def address(tmp_path):
    book = tmp_path / "html"
    book.mkdir()
    (book / "index.html").write_text(TEXT)
    (book / "network.onnx").write_bytes(NETWORK)
    (tmp_path / "private.txt").write_text("not of the book")
    with server.serve(book) as address:
        yield address


def get(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
        return answer.headers, answer.read()


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_texts_are_compressed_for_those_who_can_read_it(address, path):
    headers, body = get(address + path, **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert headers.get_content_type() == "text/html"
    assert len(body) < len(TEXT) / 2
    assert gzip.decompress(body).decode() == TEXT
    headers, body = get(address + path)
    assert headers["Content-Encoding"] is None
    assert body.decode() == TEXT


def test_networks_come_as_they_are(address):
    headers, body = get(f"{address}/network.onnx", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] is None
    assert body == NETWORK


def test_a_book_that_was_built_anew_is_not_taken_from_the_cache(address):
    headers, _ = get(address)
    assert headers["Cache-Control"] == "no-cache"
    with pytest.raises(urllib.error.HTTPError, match="304"):
        get(address, **{"If-None-Match": headers["Etag"]})


@pytest.mark.parametrize("path", ["/no-such-page.html", "/../private.txt", "/%2e%2e/private.txt"])
def test_nothing_else_is_served(address, path):
    with pytest.raises(urllib.error.HTTPError, match=r"40[34]"):
        get(address + path)


def test_only_this_machine_can_connect(address):
    assert address.startswith("http://127.0.0.1:")


@pytest.fixture
def run(monkeypatch, capsys):
    """Calls the command with some arguments, and returns its exit status and what it says about the fault."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["serve", *arguments])
        # In a thread of its own: in this one, tests before may have left an event loop that runs.
        with ThreadPoolExecutor(1) as pool:
            stop = pool.submit(server.main).exception(timeout=30)
        assert isinstance(stop, SystemExit)
        return stop.code, capsys.readouterr().err

    return run


def test_a_missing_book_a_busy_port_and_an_impossible_one_are_told_in_a_line(run, monkeypatch, tmp_path):
    monkeypatch.setattr(server, "HTML", tmp_path)
    assert run() == (2, "there is no book yet; run: make book\n")
    (tmp_path / "index.html").write_text(TEXT)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, message = run("--port", str(port))
    assert status == 2
    assert message == f"cannot listen on port {port} (Address already in use); try: make serve PORT=8001\n"
    for wrong in ("99999", "1e3", "http"):
        status, message = run("--port", wrong)
        assert status == 2
        assert message.endswith(f"argument --port: {wrong!r} is not a whole number from 0 to 65535\n")
