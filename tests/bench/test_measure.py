from __future__ import annotations

import re
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from bench.contenders import CONTENDERS, STEPS, Azuread, Contender, Project, State, Step
from bench.emulated import Emulated, emulated
from bench.measure import Measurement, Plan
from bench.processes import run

DYNAMIC = CONTENDERS[0]


# Contenders


@pytest.mark.slow
def test_a_run_counts_what_each_step_of_an_authorization_costs(tmp_path: Path) -> None:
    with emulated() as emulator:
        plan = Plan(rounds=((1,),), latencies=(0,), slow_sizes=(), minutes=5)
        results = Measurement(emulator, [DYNAMIC], plan, tmp_path).run()

    create, unchanged, changed, refresh, destroy = results.samples
    assert [sample.step for sample in results.samples] == list(STEPS)
    sign_in = {"token": 1, "other": 1}
    assert create.requests == {"POST acquireAccessToken": 1, **sign_in}
    assert changed.requests["POST acquireAccessToken"] == 1
    assert refresh.requests["GET secrets"] == refresh.requests["GET jobs"] == 1
    assert destroy.requests["PUT secrets"] == 1
    assert [sample.requests.get("token") for sample in results.samples] == [1, None, 1, 1, 1]
    assert (unchanged.requests, unchanged.connections) == ({}, 0)
    assert 1 <= create.connections <= sum(create.requests.values())
    assert create.state is not None
    assert create.state_without_positions is not None
    assert create.state > create.state_without_positions > 500
    if sys.platform == "linux":
        assert all(20 << 20 < (sample.memory or 0) < 300 << 20 for sample in results.samples)


def test_a_contender_whose_command_is_missing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = Azuread().unavailable(tmp_path / "azuread")
    assert reason == "neither terraform nor tofu is on PATH"


def test_a_contender_whose_provider_is_missing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "tofu"
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    reason = Azuread().unavailable(tmp_path / "azuread")
    assert reason == "tofu init cannot install the provider hashicorp/azuread"


# The emulator


def test_the_emulator_counts_requests_and_connections_and_delays_answers() -> None:
    with emulated() as emulator:
        (principal,) = emulator.service_principals(1)
        url, ca_file = emulator.address()
        secrets = f"{url}/v1.0/servicePrincipals/{principal}/synchronization/secrets"
        emulator.begin(250)
        trust = ssl.create_default_context(cafile=ca_file)
        with httpx.Client(verify=trust) as client:
            began = time.monotonic()
            assert client.get(secrets).status_code == 401
            assert time.monotonic() - began >= 0.25
            client.put(secrets)
        httpx.get(f"{url}/common/discovery/instance", verify=trust)
        assert emulator.traffic().requests == {"GET secrets": 1, "PUT secrets": 1, "other": 1}
        assert emulator.traffic().connections == 2
        emulator.begin(0)
        assert (emulator.traffic().requests, emulator.traffic().connections) == ({}, 0)


# Commands


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_memory_is_that_of_the_provider_and_not_of_the_others(tmp_path: Path) -> None:
    provider = [sys.executable, "-c", "b'x' * (100 << 20); import time; time.sleep(0.5)", "this"]
    command = [sys.executable, "-c", f"import subprocess; subprocess.run({provider})"]
    finished = run(command, tmp_path, {}, "this")
    assert finished.seconds >= 0.5
    assert finished.memory is not None
    assert 100 << 20 < finished.memory < 200 << 20
    small = run([sys.executable, "-c", command[2].replace("100", "1")], tmp_path, {}, "this")
    assert small.memory is not None
    assert small.memory < 100 << 20
    assert run(command, tmp_path, {}, "another").memory is None


def test_a_command_that_fails_shows_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nsorry"):
        run(["sh", "-c", "echo sorry; exit 3"], tmp_path, {})


# The order and the limit


class Sleeping(Project):
    """Sleeps for a time in proportion to its size."""

    environment: ClassVar[Mapping[str, str]] = {}

    def command(self, step: Step, latency: int) -> list[str]:
        return ["sleep", str(len(self._principals) / 1000)]

    def state(self) -> State:
        return State(2, 1)


@dataclass(frozen=True)
class Sleeper(Contender):
    name: str
    provider: str = ""
    makes_calls: bool = True
    is_slow: bool = False

    def project(self, folder: Path, emulator: Emulated, principals: Sequence[str]) -> Project:
        folder.mkdir()
        return Sleeping(folder, principals)


def measured(plan: Plan, folder: Path, *contenders: Contender) -> Measurement:
    emulator, announced = Emulated(), list[str]()
    try:
        measurement = Measurement(emulator, contenders, plan, folder, announced.append)
        measurement.run()
    finally:
        emulator.close()
    assert len(announced) == len(measurement.results.samples)
    return measurement


def test_contenders_take_turns_and_none_is_always_the_first(tmp_path: Path) -> None:
    plan = Plan(rounds=((1,),), latencies=(0,), slow_sizes=(), minutes=5)
    samples = measured(plan, tmp_path, Sleeper("a"), Sleeper("b")).results.samples
    assert [sample.step for sample in samples] == [step for step in STEPS for _ in range(2)]
    assert "".join(sample.contender for sample in samples) == "abbaabbaab"


def test_a_contender_without_calls_and_a_slow_one_are_measured_without_latency(
    tmp_path: Path,
) -> None:
    plan = Plan(rounds=((1, 2), (1, 2)), latencies=(0, 250), slow_sizes=(2,), minutes=5)
    silent, slow = Sleeper("silent", makes_calls=False), Sleeper("slow", is_slow=True)
    measurement = measured(plan, tmp_path, Sleeper("usual"), silent, slow)
    taken = [
        (sample.contender, sample.size, sample.latency)
        for sample in measurement.results.samples
        if sample.step == "create"
    ]
    for size in (1, 2):
        assert taken.count(("usual", size, 0)) == taken.count(("usual", size, 250)) == 2
        assert taken.count(("silent", size, 0)) == 2
    assert taken.count(("slow", 2, 0)) == 1
    assert len(taken) == 13
    assert measurement.most_samples == len(measurement.results.samples)


def test_what_would_exceed_the_time_is_skipped_with_a_reason(tmp_path: Path) -> None:
    # The steps of 20 take 0.1 s, those of 100 0.5 s. Those of 2,000 would take 10 s, not three.
    plan = Plan(rounds=((20, 100), (2000,)), latencies=(0,), slow_sizes=(), minutes=0.05)
    results = measured(plan, tmp_path, Sleeper("a")).results
    assert {sample.size for sample in results.samples} == {20, 100}
    (skipped,) = results.skipped
    assert (skipped.contender, skipped.size, skipped.latency) == ("a", 2000, 0)
    assert re.fullmatch(r"would take about 1\d seconds, and .*", skipped.reason)


def test_no_round_is_repeated_when_the_time_is_over(tmp_path: Path) -> None:
    # Three rounds of 0.5 s, and more, do not fit into 1.2 s.
    plan = Plan(rounds=((100,),) * 3, latencies=(0,), slow_sizes=(), minutes=0.02)
    results = measured(plan, tmp_path, Sleeper("a")).results
    assert len(results.select(step="create")) < 3
    assert results.skipped == []
