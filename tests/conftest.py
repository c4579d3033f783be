from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from entra_emulator import Emulator
from support.stack import PREAMBLE, Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", action="store_true", help="run tests/live on the tenant that ENTRA_LIVE_… name"
    )


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def stack(emulator: Emulator, tmp_path: Path) -> Stack:
    return Stack(tmp_path / "project", emulator.environment)


@pytest.fixture
def program_for(stack: Stack) -> Callable[[str], Stack]:
    """A stack whose program declares what is given, with the usual imports before it."""

    def written(source: str) -> Stack:
        stack.program(PREAMBLE + source)
        return stack

    return written


def recorded(terminal: pytest.TerminalReporter, name: str) -> set[str]:
    """What tests recorded under a name, wherever they ran."""
    found: set[str] = set()
    for report in terminal.getreports("passed"):
        for key, value in report.user_properties:
            if key == name:
                found.update([value] if isinstance(value, str) else value)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    kinds = ("routes", "properties", "enum members")
    counted = {kind: len(recorded(terminalreporter, f"contract {kind}")) for kind in kinds}
    if all(counted.values()):
        source = ", ".join(recorded(terminalreporter, "contract source"))
        compared = ", ".join(f"{count} {kind}" for kind, count in counted.items())
        terminalreporter.section("contract")
        terminalreporter.line(f"compared with Microsoft's metadata ({source}): {compared}")
