"""Show the built book on 127.0.0.1, its texts compressed, as static hosts send them.

    make serve            (or: python -m tools.serve --port 8000)

Python's own http.server compresses nothing: over a slow line a page would take two to three times as long.
"""

import argparse
import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, StaticFileHandler

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
HOST = "127.0.0.1"


class BookFile(StaticFileHandler):
    """A file of the book. The browser asks each time whether it is still the same: a book may be built anew."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=_read_port, default=8000, help="where to listen (default 8000; 0: any)")
    options = parser.parse_args()
    if not (HTML / "index.html").exists():
        parser.exit(2, "there is no book yet; run: make book\n")
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(_serve_for_ever(options.port))
        except OSError as error:
            parser.exit(2, f"cannot listen on port {options.port} ({error.strerror}); try: make serve PORT=8001\n")


def _read_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # the socket would take it modulo 65,536
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 65535")
    return int(text)


async def _serve_for_ever(port: int) -> None:
    print(f"The book is at {_listen(HTML, port)} (stop with Ctrl-C)", flush=True)
    await asyncio.Event().wait()


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a folder that is served, in a thread of its own, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> str:
        return _listen(folder, 0)

    try:
        yield asyncio.run_coroutine_threadsafe(listen(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _listen(folder: Path, port: int) -> str:
    """Start to serve a folder in the running loop, and say under which address."""
    files = {"path": str(folder), "default_filename": "index.html"}
    application = Application([(r"/(.*)", BookFile, files)], compress_response=True, log_function=lambda handler: None)
    sockets = bind_sockets(port, HOST)
    HTTPServer(application).add_sockets(sockets)
    return f"http://{HOST}:{sockets[0].getsockname()[1]}"


if __name__ == "__main__":
    main()
