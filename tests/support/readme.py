"""The parts of the README and of the pages in docs/, for tests that hold them to their word."""

from __future__ import annotations

import re

from support.stack import REPOSITORY

TEXT = (REPOSITORY / "README.md").read_text()


def block(language: str, containing: str, text: str = TEXT) -> str:
    """The one code block in `language` that contains a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    (found,) = (code for code in blocks if containing in code)
    return str(found)


def tables(heading: str, text: str = TEXT) -> list[list[list[str]]]:
    """The rows of each table under a heading, without its head."""
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()[2:]]
        for rows in found
    ]


def table(heading: str, text: str = TEXT) -> list[list[str]]:
    """The rows of the first table under a heading."""
    return tables(heading, text)[0]
