"""Files that are whole or not there: an interruption leaves the old one or the new one."""

from pathlib import Path
from uuid import uuid4


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a file under another name beside its own, then rename it.

    Args:
        path: of the file; its folder is made if there is none.
        content: a text, written as UTF-8, or bytes.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}.tmp")  # several processes, or threads, may write the same file
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
