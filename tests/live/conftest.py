"""The live tests run on an emulator, or with `--live` on a real tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from entra_emulator import Assumptions, Emulator
from live.experiments import Experiment, assumptions, experiment
from live.place import MissingSettingError, Place, emulated, live

Findings = Callable[[Place, Experiment], Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "assumption" not in metafunc.fixturenames:
        return
    usual = Assumptions()
    others = {name: experiment(name).other(name) for name in assumptions()}
    cases = {name: (name, getattr(usual, name)) for name in others}
    if not metafunc.config.getoption("--live"):
        # What is found has to be what is there, and not what is usually there.
        cases = {name: case for name, case in cases.items() if others[name] is not None}
        cases |= {f"another {name}": (name, others[name]) for name in cases}
    metafunc.parametrize(("assumption", "value"), [*cases.values()], ids=[*cases])


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Experiment | None:
    """The experiment that a test runs."""
    if "assumption" not in request.fixturenames:
        return None
    return experiment(request.getfixturevalue("assumption"))


@pytest.fixture
def assumed(request: pytest.FixtureRequest, tried: Experiment | None) -> Assumptions:
    """The assumptions of the emulator; the defaults on a real tenant."""
    if tried is None:
        return Assumptions()
    name, value = request.getfixturevalue("assumption"), request.getfixturevalue("value")
    return replace(Assumptions(), **{**tried.given, name: value})


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tried: Experiment | None, assumed: Assumptions
) -> Iterator[Place]:
    if request.config.getoption("--live"):
        try:
            found = live()
        except MissingSettingError as error:
            pytest.skip(f"needs a tenant: {error}")
        yield from used(found)
    else:
        options = tried.options if tried else {}
        with Emulator(assumptions=assumed, **options) as emulator:
            yield from used(emulated(emulator, assumed))


def used(place: Place) -> Iterator[Place]:
    try:
        yield place
    finally:
        left = place.remove()
        place.close()
    assert left == [], "these objects could not be removed"


@pytest.fixture(scope="session")
def findings() -> Findings:
    """The result of an experiment. On a real tenant each runs once: its input can be rare."""
    found: dict[int, Any] = {}

    def of(place: Place, asked: Experiment) -> Any:
        if not place.is_live:
            return asked.of(place)
        if id(asked) not in found:
            found[id(asked)] = asked.of(place)
        return found[id(asked)]

    return of


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if not config.getoption("--live"):
        return
    terminalreporter.section("what Graph answered")
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == "live":
                    terminalreporter.line(text)
