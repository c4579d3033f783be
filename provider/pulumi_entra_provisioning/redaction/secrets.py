"""The secrets that no text may show, and whether one can be read in a text."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .encodings import ESCAPES, LEGIBLE, RUN, SHORTEST, decoded
from .secret_parts import SECRETS_OF, URL, parts_of_address, secret_parts
from .text import compact, folded, visible

_EFFORT: Final = 60_000
"""Characters that are read of a text in all its decodings: a text that needs more is withheld."""

_TOKEN: Final = re.compile(
    # A JSON Web Token, or the beginning of one; not a claims challenge, {"access_token": …}, which
    # the Azure CLI is to be given.
    r"(?<![A-Za-z0-9])eyJ(?!hY2Nlc3NfdG9rZW4i)[\w-]{5,}"
    r"|eyJ[\w-]{5,}\.[\w-]{5,}"
    r"|(?i:bearer)[\s:=]+(?=[\w.~+/-]*[0-9]|[\w.~+/-]{20})[\w.~+/-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
"""A token or a private key, no matter whose it is."""


class Secrets:
    """The secrets that no text may show.

    `credentials` maps keys of `synchronizationSecret` to values, which GROUPS splits into what is
    secret and what is not. It is None if the service holds credentials that are not known here:
    then no free text of it is shown. `others` are secret whatever they look like.
    """

    def __init__(self, credentials: Mapping[str, str] | None, others: Iterable[str] = ()) -> None:
        self._all_known = credentials is not None
        self._runs: set[str] = set()
        self._short: set[str] = set()
        words: set[str] = set()
        tiny: set[str] = set()
        parts = {
            part
            for key, value in (credentials or {}).items()
            for part in SECRETS_OF.get(key, secret_parts)(value)
        }
        for value in others:
            # A URL of the settings is where a token is asked for, not the token.
            parts.update(parts_of_address(value) if URL.match(value) else secret_parts(value))
        self._letters = frozenset(filter(_is_beyond_ascii, "".join(map(_variants, parts))))
        for part in parts:
            for form, runs in _forms(part).items():
                if len(form) >= RUN:
                    self._runs.update(runs)
                elif len(form) < SHORTEST:
                    tiny.add(form)
                elif form.isalpha() or form.isdecimal():
                    words.add(form)
                else:
                    self._short.add(form)
        self._words = _matching(
            # Within a longer word, as "test" in "latest", they prove nothing.
            r"(?<![^\W_])(?:{})(?![^\W_])",
            [r"\s*".join(map(re.escape, word)) for word in words],
        )
        self._tiny = _matching(
            # Almost every text holds so short a value: it counts only if it stands as a value.
            r"[\"'`(\[{{<>=:]\s*(?:{})\s*(?:[\"'`)\]}}<>,;.&]|$)",
            map(re.escape, tiny - {""}),
        )
        # A letter may stand for several of its normal form.
        is_short = self._short or words or self._letters
        self._legible = LEGIBLE[SHORTEST if is_short else RUN]

    def can_be_read_in(self, *texts: str) -> bool | None:
        """Whether a secret can be read in `texts`, or None if that takes too much effort.

        It can be read if eight consecutive characters of it stand in a decoding, white space
        removed and in any case. A value of four to seven characters has to stand whole; if it
        is letters or digits alone, as a word; a shorter one, as a quoted value. A bearer token can
        be read no matter whose it is.
        """
        effort = _EFFORT
        for text, is_line in decoded(texts, self._legible, self._letters):
            effort -= len(text)
            if effort < 0:
                return None
            if self._stands_in(text) if is_line else self._stands_as_word_in(text):
                return True
        return False

    def _stands_in(self, line: str) -> bool:
        forms = {compact(folded(line))}
        if self._letters:
            forms.add(compact(visible(line)))  # a letter of many normal forms may be cut off
        return any(
            not self._runs.isdisjoint(_windows(form)) or any(short in form for short in self._short)
            for form in forms
        )

    def _stands_as_word_in(self, text: str) -> bool:
        before = None
        while (text := visible(text)) != before:
            if _TOKEN.search(text):
                return True
            in_one_case = folded(text) if self._words or self._tiny else ""
            if self._words and self._words.search(in_one_case):
                return True
            if self._tiny and self._tiny.search(in_one_case):
                return True
            before = text
            for undo in ESCAPES:
                text = undo(text)
        return False

    @property
    def all_known(self) -> bool:
        """Whether the service holds no other credentials than these."""
        return self._all_known


def _is_beyond_ascii(character: str) -> bool:
    return ord(character) > 127


def _variants(text: str) -> str:
    """`text` in each case and each normal form of Unicode, one after the other."""
    if text.isascii():
        return ""
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    return "".join(f"{form}{form.lower()}{form.upper()}{form.casefold()}" for form in forms)


# All calls of a run carry the same token, which is much longer than every other secret.
@functools.lru_cache(maxsize=16)
def _forms(part: str) -> Mapping[str, frozenset[str]]:
    """The forms in which a part of a secret is looked for, and the runs of each."""
    forms = {compact(folded(part)), compact(visible(part))}
    return {form: frozenset(_windows(form)) for form in forms}


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + RUN] for start in range(len(text) - RUN + 1))


def _matching(pattern: str, alternatives: Iterable[str]) -> re.Pattern[str] | None:
    found = "|".join(sorted(alternatives))
    return re.compile(pattern.format(found)) if found else None
