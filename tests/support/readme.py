"""Reads parts of the README and of the pages in docs/, to compare them with the code."""

from __future__ import annotations

import re

from support.stack import REPOSITORY


def readme() -> str:
    return (REPOSITORY / "README.md").read_text()


def page(name: str) -> str:
    """The text of a page in docs/, by its name without the extension."""
    return (REPOSITORY / f"docs/{name}.md").read_text()


def anchor(heading: str) -> str:
    """The anchor of a heading on GitHub: https://docs.github.com/get-started/writing-on-github."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)


def section(heading: str, text: str) -> str:
    """The text under a heading, up to the next heading of the same or a higher level."""
    _, level, rest = re.split(rf"^(#+) {re.escape(heading)}\n", text, flags=re.MULTILINE)
    return str(re.split(rf"^#{{1,{len(level)}}} ", rest, flags=re.MULTILINE)[0])


def code(text: str) -> list[str]:
    """The texts between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def block(language: str, containing: str, text: str) -> str:
    """The only code block in `language` that contains a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    (found,) = (code for code in blocks if containing in code)
    return str(found)


def tables(heading: str, text: str) -> list[list[list[str]]]:
    """The rows of each table under a heading, without the header rows."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found = re.findall(r"(?:^\|.*\|\n)+", section(heading, prose), flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()[2:]]
        for rows in found
    ]


def table(heading: str, text: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    return tables(heading, text)[0]
