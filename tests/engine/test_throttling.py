"""A stack of many authorizations under Graph's limits, through the real CLI, in both front ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from entra_emulator import Emulator, Fault, Limits
from support.native import BOTH_FRONT_ENDS
from support.stack import Stack
from support.tenant import another_service_principal, authorizing, held, token_requests

NEEDED = 40

PROGRAM = """
token = config.require_secret("token")
for number, principal in enumerate(config.require_object("principals")):
    ProvisioningAuthorization(
        f"a{number}",
        service_principal_id=principal,
        credentials={"SecretToken": token.apply(lambda t, p=principal: t + p)},
    )
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that answers 15 calls in 10 seconds, and takes a while for each."""
    with Emulator(throttling=Limits(resource_units=15)) as emulator:
        emulator.faults.add(Fault(path="*/acquireAccessToken", delay=0.1, times=1000))
        yield emulator


@pytest.mark.slow
@BOTH_FRONT_ENDS
def test_a_throttled_run_authorizes_all_with_few_calls_in_vain(
    front_end: type[Stack], emulator: Emulator, tmp_path: Path
) -> None:
    principals = [another_service_principal(emulator, f"App {n}") for n in range(NEEDED)]
    stack = front_end(tmp_path / "project", emulator.environment)
    stack.declare(PROGRAM)
    stack.configure(principals=json.dumps(principals))
    stack.configure_secret(token="t0ken-of-")
    stack.up("--parallel=64")

    outputs = [one["outputs"] for one in stack.authorizations().values()]
    assert [one["status"] for one in outputs] == ["Authorized"] * NEEDED
    for principal in principals:
        assert held(emulator, principal) == {"SecretToken": f"t0ken-of-{principal}"}

    calls = sorted(authorizing(emulator), key=lambda call: call.time)
    authorized = [call.path for call in calls if call.status == 204]
    assert len(authorized) == len(set(authorized)) == NEEDED
    assert {call.status for call in calls} == {204, 429}
    # Without a shared pause, all that the engine has asked for are refused, and again.
    assert len(calls) <= 1.4 * NEEDED
    assert len(token_requests(emulator)) == 1
    assert emulator.judgement() == []

    after_pauses = [
        number
        for number, (before, after) in enumerate(pairwise(calls), 1)
        if before.status == 429 and (after.time - before.time).total_seconds() >= 1
    ]
    assert len(after_pauses) >= 2
    # The first call after a pause has its answer before the second one is sent.
    for number in after_pauses:
        assert calls[number].answered <= calls[number + 1].time
