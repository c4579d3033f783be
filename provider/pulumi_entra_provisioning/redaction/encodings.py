"""Encodings, undone: each works on whatever part of a text is encoded so, and leaves the rest."""

from __future__ import annotations

import binascii
import html
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from .text import compact, visible

RUN: Final = 8
"""Consecutive characters of a secret that no text may hold."""

SHORTEST: Final = 4
"""Characters of a value, or of a part of one, that are looked for anywhere in a text."""


def decoded(
    texts: Iterable[str], legible: re.Pattern[str], letters: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    """Every text that can be read in `texts`, and whether it is without white space.

    Escapes are undone kind by kind in every order, as what looks like one may be a part of a
    secret. `letters` are those beyond ASCII that are looked for: they may stand in another
    character set than UTF-8.
    """
    to_read = deque(texts)
    known = set(to_read)
    read: set[str] = set()
    read_runs: set[tuple[re.Pattern[str], str]] = set()
    while to_read:
        text = to_read.popleft()
        yield text, False
        lines = [*_lines(text)]
        while lines:
            line = lines.pop()
            if line in read:
                continue
            read.add(line)
            yield line, True
            for undo in (*ESCAPES, _backwards):
                if (undone := undo(line)) != line:
                    lines += _lines(undone)
            chunks = []
            for pattern, to_bytes in _NUMBERS:
                runs = {(pattern, run) for run in pattern.findall(line)} - read_runs
                chunks += [chunk for _, run in runs for chunk in to_bytes(run)]
                read_runs |= runs
            for reading in _legible_parts(chunks, legible):
                if reading not in known:
                    known.add(reading)
                    to_read.append(reading)
            if letters:
                chunks += [unquote_to_bytes(line), _quoted_printable(line)]
                for reading in _parts_in_other_charsets(chunks, letters):
                    yield reading, True
                    yield reading[::-1], True


def _lines(text: str) -> set[str]:
    """`text` without white space, also where quoted-printable breaks a line with `=`."""
    texts = {text, _read_anew(text)}
    if "=" in text:
        texts |= {re.sub(r"=\s+", "", form) for form in texts}
    return {compact(visible(form)) for form in texts}


def _without_backslashes(text: str) -> str:
    r"""`\"`, `\n`, `\u0041`, `\u{41}`, `\x41`, `\101` of JSON, JavaScript and Python; `%u0041`."""
    text = _BACKSLASH.sub(_character, text)
    # Two halves of a character beyond the basic plane become one.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_BACKSLASH: Final = re.compile(
    r"(?:\\u\{([0-9A-Fa-f]{1,6})\}|[\\%]u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\x([0-9A-Fa-f]{2}))"
    r"|\\([0-7]{3})|\\([!-/:-TV-tvwy-~])"
)


def _character(found: re.Match[str]) -> str:
    *digits, octal, single = found.groups()
    if single:
        return " " if single in "abfnrtv" else str(single)
    number = int(octal, 8) if octal else int(next(filter(None, digits)), 16)
    return chr(number) if number < 0x110000 else ""


def _without_entities(text: str) -> str:
    """HTML's `&amp;`, `&#39;`, `&#x27;`, which may lack the semicolon."""
    text = re.sub(r"&#[xX]?0+(?![0-9A-Fa-f]);?", "", text)  # which HTML has for no character
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python reads
        return text


def _without_percent(text: str) -> str:
    """`%41`."""
    return unquote(text)


def _without_equals(text: str) -> str:
    """Quoted-printable's `=41`, or `==41` if a line was broken."""
    return _quoted_printable(text).decode(errors="replace") if "=" in text else text


def _quoted_printable(text: str) -> bytes:
    return binascii.a2b_qp(re.sub("={2,}", "=", text).encode(errors="replace"))


def _without_plus(text: str) -> str:
    """A form's `+` for a space."""
    return text.replace("+", " ")


def _backwards(text: str) -> str:
    return text[::-1]


def _read_anew(text: str) -> str:
    """UTF-8 that was read as Windows-1252 or Latin-1, as `schÃ¶n`, or byte by byte."""
    return text if text.isascii() else _MISTAKEN.sub(_as_utf_8, text)


_WINDOWS: Final = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_FOLLOWING: Final = f"[\x80-\xbf{_WINDOWS}]"
_MISTAKEN: Final = re.compile(
    f"[\xc2-\xdf]{_FOLLOWING}|[\xe0-\xef]{_FOLLOWING}{{2}}|[\xf0-\xf4]{_FOLLOWING}{{3}}"
)


def _as_utf_8(found: re.Match[str]) -> str:
    read = (
        character.encode("cp1252" if character in _WINDOWS else "latin-1") for character in found[0]
    )
    try:
        return b"".join(read).decode()
    except UnicodeDecodeError:
        return found[0]


ESCAPES: Final = (
    _without_backslashes,
    _without_entities,
    _without_percent,
    _without_equals,
    _without_plus,
)


def from_base64(run: str) -> list[bytes]:
    """Base64 of either alphabet, however padded, wherever in a longer run of its characters."""
    run = run.replace("-", "+").replace("_", "/")
    parts = [run[start:] for start in range(4)]
    parts = [part[: len(part) - (len(part) % 4 == 1)] for part in parts]
    return [binascii.a2b_base64(part + "=" * (-len(part) % 4)) for part in parts]


def from_hex(run: str) -> list[bytes]:
    """Hexadecimal digits, with or without `0x`, `:`, `-` or `,` between."""
    digits = re.sub(r"0x|[x:,-]", "", run)
    return [bytes.fromhex(part[: len(part) - len(part) % 2]) for part in (digits, digits[1:])]


def _decimal(run: str) -> list[bytes]:
    """Bytes as decimal numbers, as in `[115, 51]`."""
    numbers = [int(number) for number in re.split("[,;]", run)]
    return [bytes(numbers)] if max(numbers) < 256 else []


_NUMBERS: Final = (
    (re.compile(r"[A-Za-z0-9+/_-]{6,}"), from_base64),
    (re.compile(r"[0-9A-Fa-fx:,-]{8,}"), from_hex),
    (re.compile(r"[0-9]{1,3}(?:[,;][0-9]{1,3}){3,}"), _decimal),
)


def _legible_parts(chunks: list[bytes], legible: re.Pattern[str]) -> Iterator[str]:
    """The parts of `chunks` that are text in UTF-8, or in UTF-16 if they hold its zeros."""
    with_zeros = [chunk[start:] for chunk in chunks if chunk.count(0) > 3 for start in (0, 1)]
    for charset, read in (("utf-8", chunks), ("utf-16-le", with_zeros), ("utf-16-be", with_zeros)):
        for chunk in read:
            if parts := legible.findall(_text(chunk, charset)):
                yield "\ufffd".join(parts)


def _parts_in_other_charsets(chunks: list[bytes], letters: frozenset[str]) -> Iterator[str]:
    """The parts of `chunks` that hold one of `letters` if they are not taken for UTF-8."""
    shifted = [*chunks, *(chunk[1:] for chunk in chunks)]
    for charset, read in (("latin-1", chunks), ("utf-16-le", shifted), ("utf-16-be", shifted)):
        for chunk in read:
            for part in LEGIBLE[SHORTEST].findall(_text(chunk, charset)):
                if not letters.isdisjoint(part):
                    yield part


def _text(chunk: bytes, charset: str) -> str:
    return chunk.decode(charset, "replace").replace("\0", "")


LEGIBLE: Final = {
    least: re.compile(rf"[^\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]{{{least},}}")
    for least in (SHORTEST, RUN)
}
"""Text of so many characters at least: what is decoded and was not encoded has little of it."""
