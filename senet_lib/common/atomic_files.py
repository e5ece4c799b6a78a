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

    Raises:
        OSError: if it cannot be written; the error names the file, and what it held before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}.tmp")  # several processes, or threads, may write the same file
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except OSError as error:  # it would name the draft
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return path
