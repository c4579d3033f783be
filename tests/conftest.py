from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from entra_emulator import Emulator
from hypothesis import settings
from support.stack import Stack

Once = Callable[[str, Callable[[Path], object]], Path]

# `make test` takes the first, `make check` the second, `make fuzz` the third.
settings.register_profile("quick", max_examples=100, deadline=None)
settings.register_profile("default", max_examples=1_000, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", action="store_true", help="run tests/live on the tenant that ENTRA_LIVE_… name"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest tests begin first, so that none is alone at the end.
    items.sort(key=lambda item: "tests/package/test_package.py" not in item.nodeid)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Give a folder that all workers share. It is made by the first of them that asks for it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / name).exists():
                make(shared / name)
        return shared / name

    return made


@pytest.fixture(scope="session")
def stopping() -> Iterator[ThreadPoolExecutor]:
    """Stops emulators in threads: each takes 0.2 s, and no test waits for it."""
    with ThreadPoolExecutor() as threads:
        yield threads


@pytest.fixture
def emulator(stopping: ThreadPoolExecutor) -> Iterator[Emulator]:
    running = ExitStack()
    yield running.enter_context(Emulator())
    stopping.submit(running.close)


@pytest.fixture
def front_end() -> type[Stack]:
    """What the stacks of a test declare. BOTH_FRONT_ENDS has the test run with each."""
    return Stack


@pytest.fixture
def stack(front_end: type[Stack], emulator: Emulator, tmp_path: Path) -> Stack:
    return front_end(tmp_path / "project", emulator.environment)


@pytest.fixture
def program_for(stack: Stack) -> Callable[[str], Stack]:
    """Write a program, after the usual imports, and return its stack."""

    def written(source: str) -> Stack:
        stack.declare(source)
        return stack

    return written


def recorded(terminal: pytest.TerminalReporter, name: str) -> set[str]:
    """The values that tests recorded under a name, on any worker."""
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
