"""The tests of this folder run on an emulator, or with `--live` on a tenant of Microsoft's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from live.experiments import NO_FACTS, Experiment, experiment, settled
from live.place import MissingSettingError, Place, emulated, live
from pulumi_entra_provisioning.emulator import Assumptions, Emulator

Findings = Callable[[Place, Experiment], Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "assumption" not in metafunc.fixturenames:
        return
    names = [name for name in settled() if name not in NO_FACTS]
    cases = [(name, getattr(Assumptions(), name)) for name in names]
    if not metafunc.config.getoption("--live"):
        # What is found has to be what is there, and not what is usually there.
        cases += [(name, experiment(name).others[name]) for name in names]
    ids = [name if value == getattr(Assumptions(), name) else f"no {name}" for name, value in cases]
    metafunc.parametrize(("assumption", "value"), cases, ids=ids)


@pytest.fixture
def assumed(request: pytest.FixtureRequest) -> Assumptions:
    """What the emulator is set to do, which on a tenant of Microsoft's is the usual."""
    if "assumption" not in request.fixturenames:
        return Assumptions()
    name = request.getfixturevalue("assumption")
    return replace(
        Assumptions(),
        **experiment(name).given,
        **{name: request.getfixturevalue("value")},
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, assumed: Assumptions) -> Iterator[Place]:
    if request.config.getoption("--live"):
        try:
            found = live()
        except MissingSettingError as error:
            pytest.skip(f"needs a tenant: {error}")
        yield from used(found)
    else:
        with Emulator(assumptions=assumed) as emulator:
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
    """What an experiment found. On a real tenant each is run once: what it uses up may be rare."""
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
