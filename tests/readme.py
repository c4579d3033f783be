"""The README's parts, for tests that hold it to its word."""

from __future__ import annotations

import re

from stack import REPOSITORY

TEXT = (REPOSITORY / "README.md").read_text()


def block(language: str, containing: str) -> str:
    """The one code block in `language` that contains a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)
    (found,) = (text for text in blocks if containing in text)
    return str(found)


def tables(heading: str) -> list[list[list[str]]]:
    """The rows of each table under a heading, without its head."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()[2:]]
        for rows in found
    ]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    return tables(heading)[0]
