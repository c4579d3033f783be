"""Files that settings and inputs name, read so that none of them can hang or flood a run."""

from __future__ import annotations

import os
import stat
from typing import Final

LIMIT: Final = 1 << 20
"""Bytes that a file may have. A bundle of all public certificate authorities has a quarter."""

# Without O_NONBLOCK, opening a FIFO waits until somebody writes to it.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file in UTF-8, as it is but for a byte order mark.

    Raises ValueError if `read_bytes` does, or if the content is not UTF-8. Its message is a plain
    reason that quotes neither the path nor the content: either may be a secret.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file.

    Raises ValueError if it cannot be read, if it is not a regular file (a directory, a FIFO,
    a device) and if it is larger than LIMIT. Never waits.
    """
    try:
        descriptor = _open(path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("the path is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(LIMIT + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None
    if len(content) > LIMIT:
        raise ValueError(f"the file is larger than {LIMIT} bytes")
    return content


def _open(path: str | os.PathLike[str]) -> int:
    try:
        return os.open(path, _FLAGS)
    except ValueError:
        raise ValueError("the file cannot be read (no file can have such a path)") from None
