"""Reads the content of a file, and refuses a file that cannot be one of text."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest
from pulumi_entra_provisioning import text_file


def test_a_file_is_read_unchanged_except_for_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(b"\xef\xbb\xbf s\xc3\xa9cret\r\n")
    assert text_file.read(file) == " s\u00e9cret\r\n"
    assert text_file.read_bytes(str(file)) == file.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(file)
    assert text_file.read(link) == " s\u00e9cret\r\n"
    file.write_bytes(b"x" * text_file.LIMIT)
    assert len(text_file.read(file)) == text_file.LIMIT


def make(name: str, folder: Path) -> str:
    path = folder / name
    if name == "fifo":
        os.mkfifo(path)
    elif name == "folder":
        path.mkdir()
    elif name == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif name == "loop":
        path.symlink_to(path)
    elif name == "huge":
        path.touch()
        os.truncate(path, 1 << 40)
    elif name == "latin":
        path.write_bytes(b"s\xe9cret")
    return str(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fifo", "the path is not a regular file"),
        ("folder", "the path is not a regular file"),
        ("/dev/zero", "the path is not a regular file"),
        ("/dev/full", "the path is not a regular file"),
        ("/dev/tty", "the "),
        ("socket", "the file cannot be read (No such device or address)"),
        ("loop", "the file cannot be read (Too many levels of symbolic links)"),
        ("none", "the file cannot be read (No such file or directory)"),
        ("pl4nted" * 100, "the file cannot be read (File name too long)"),
        ("huge", "the file is larger than 1048576 bytes"),
        ("latin", "the file is not UTF-8 text"),
    ],
)
def test_an_unreadable_file_fails_at_once_and_quotes_nothing(
    name: str, reason: str, tmp_path: Path
) -> None:
    path = name if name.startswith("/dev") else make(name, tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"^the (file|path) ") as caught:
        text_file.read(path)
    assert str(caught.value).startswith(reason)
    assert str(tmp_path) not in str(caught.value)
    assert "cret" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_an_invalid_path_is_refused() -> None:
    for path in ("a\0b", "a\ud800b"):
        with pytest.raises(ValueError, match="no file can have such a path"):
            text_file.read(path)


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for name in ("folder", "fifo", "latin"):
        with pytest.raises(ValueError, match="is not"):
            text_file.read(make(name, tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
