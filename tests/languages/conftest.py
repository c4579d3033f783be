from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

COLUMNS = ("language", "version", "host", "sdk", "seconds of building")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Lists the languages that ran, with their versions."""
    rows = [
        [str(properties.get(column, "")) for column in COLUMNS] + [outcome]
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
        and "language" in (properties := dict(report.user_properties))
    ]
    if not rows:
        return
    table = [[*COLUMNS, "result"], *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    terminalreporter.section("languages")
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.line("  ".join(cells).rstrip())
