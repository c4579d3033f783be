"""A text as one line that nothing obeys, and in the forms in which texts are compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 1_000
"""Characters that are shown of a text."""

READ: Final = 2 * LONGEST
"""Characters that are read of a text: some of them are removed before it is shown."""


def printable(said: str) -> str:
    """`said` as one line that no terminal and no pipeline obeys, of at most a thousand characters.

    Control, bidirectional and zero-width characters are removed, with the rest of a terminal's
    escape sequence. The marks of pipeline commands lose a character:
    https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
    """
    line = " ".join(visible(said[:READ]).split())
    line = re.sub(r"#{2,}", "#", line)  # ##vso[…], ##[…], ##teamcity[…]
    line = re.sub(r":{2,}(?=[A-Za-z])", ": ", line)  # ::set-output …::
    line = re.sub(r"(?i)(section_(?:start|end)|travis_(?:fold|time)):", r"\1 ", line)
    is_cut = len(line) > LONGEST or len(said) > READ
    return f"{line[: LONGEST - 1].rstrip()}…" if is_cut else line


# ECMA-48: control sequences, then strings for the terminal (its title, links, images), then others.
_ESCAPE_SEQUENCE: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-~]"
)

# Python takes these for printable, and they are not seen: Default_Ignorable_Code_Point of Unicode.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """`text` with a space for each white space, and without what a terminal does not show."""
    if text.isascii() and text.isprintable():
        return text
    text = _UNSEEN.sub("", re.sub(r"\s", " ", _ESCAPE_SEQUENCE.sub("", text)))
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def folded(text: str) -> str:
    """`text` in the one form that it has in any case and any normal form of Unicode."""
    text = visible(text)
    if text.isascii():
        return text.lower()
    for form in ("NFD", "NFKD", "NFKD"):
        text = unicodedata.normalize(form, text).casefold()
    return visible(unicodedata.normalize("NFKD", text))


def compact(text: str) -> str:
    """`text` without white space."""
    return "".join(text.split())
