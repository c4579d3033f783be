"""Single values of settings: flags, files and URLs, each read once and in one way."""

from __future__ import annotations

import re
import ssl
from typing import Final

from .. import text_file
from .problems import Problems

_TRUE: Final = ("true", "t", "1")
_FALSE: Final = ("false", "f", "0")


def is_true(text: str) -> bool:
    """Whether a flag is set, in the forms that pulumi-azuread accepts."""
    return text.strip().lower() in _TRUE


def flag(name: str, text: str, problems: Problems, *, default: bool = False) -> bool:
    """The value of the flag `name`, which is `default` if `text` is empty."""
    if not (text := text.strip().lower()):
        return default
    if text not in (*_TRUE, *_FALSE):
        problems.invalid(f"{name}: must be true or false.")
    return text in _TRUE


def text_of_file(path: str, name: str = "", problems: Problems | None = None) -> str:
    """The text in a file, without white space around it; "" if there is none."""
    try:
        content = text_file.read(path).strip()
        reason = "" if content else "the file is empty"
    except ValueError as error:
        content, reason = "", str(error)
    if reason and problems is not None:
        problems.unusable_file(f"{name}: {reason}. Give the path of a file that holds the value.")
    return content


_HOST: Final = r"(?P<scheme>https?)://(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{1,5}))?"


def is_host(url: str, *, schemes: tuple[str, ...] = ("https",), with_path: bool = False) -> bool:
    """Whether it is the URL of a host alone, or with a path and a query."""
    rest = r"(?:[/?][^\s#\\]*)?" if with_path else "/?"
    # Not urlsplit, which forgives: `https://:password@host`, `https://host#`, a line break.
    parts = re.fullmatch(_HOST + rest, url, re.ASCII | re.IGNORECASE)
    return bool(
        parts and parts["scheme"].lower() in schemes and 0 < int(parts["port"] or 443) < 65536
    )


def check_certificates(path: str, problems: Problems) -> None:
    """Add why the file at `path` cannot be caFile."""
    try:
        text_file.read_bytes(path)
    except ValueError as error:
        problems.unusable_file(f"caFile: {error}. Give the path of a PEM file with certificates.")
        return
    try:
        # Not create_default_context, which also opens the file that SSLKEYLOGFILE names.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        problems.unusable_file(
            "caFile: the file has no PEM certificates. Give the path of one that has."
        )
