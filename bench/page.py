"""The page of the documentation with the results of a run."""

from __future__ import annotations

import re
from pathlib import Path

from .plot import draw
from .results import Results
from .table import render

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs/performance.md"
PICTURE = REPOSITORY / "docs/pictures/performance.svg"
PROFILE = REPOSITORY / "docs/pictures/profile.svg"


def with_block(text: str, block: str, name: str = "bench") -> str:
    """A page with another block between its marks, which have this name."""
    marks = rf"(<!-- {name}: begin [^\n]*-->\n).*(<!-- {name}: end -->\n)"
    replaced, count = re.subn(
        marks, lambda found: f"{found[1]}\n{block}\n{found[2]}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"the page needs one block from `<!-- {name}: begin … -->` to its end")
    return replaced


def write_block(block: str, name: str) -> None:
    """Write a block into the page, between its marks."""
    PAGE.write_text(with_block(PAGE.read_text(), block, name))


def write(results: Results) -> None:
    """Write the results into the page, and draw its picture."""
    write_block(render(results), "bench")
    draw(results, PICTURE)
