"""What the calls of one run share: pauses, tokens, refusals."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from entra_emulator.disturb.throttling import Limits
from pulumi_entra_provisioning.errors import RequestError, SignInError
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from support.steps import INPUTS, posts, run


def principals(emulator: Emulator, count: int) -> list[str]:
    made = []
    for number in range(count):
        app_id = emulator.tenant.create_application(f"Application {number}")["appId"]
        made.append(emulator.tenant.create_service_principal(app_id)["id"])
    return made


def create_all(emulator: Emulator, count: int, **inputs: Any) -> list[Any]:
    targets = principals(emulator, count)

    async def step(steps: Lifecycle) -> list[Any]:
        creating = (
            steps.create(Inputs.of({**INPUTS, **inputs, "service_principal_id": target}))
            for target in targets
        )
        return list(await asyncio.gather(*creating, return_exceptions=True))

    return run(emulator, step)[0]


def to_graph(emulator: Emulator) -> int:
    return len(emulator.journal.select(path="/v1.0/*"))


def token_requests(emulator: Emulator) -> int:
    return len(emulator.journal.select("POST", "*/token"))


@pytest.mark.slow
def test_a_limit_is_met_with_few_calls_in_vain() -> None:
    with Emulator(throttling=Limits(resource_units=10)) as emulator:
        made = create_all(emulator, 20)
        assert [one.status for one in made] == ["Authorized"] * 20
        needed = 40
        assert to_graph(emulator) <= 1.5 * needed


@pytest.mark.slow
def test_a_pause_that_one_call_is_reported_holds_for_all(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "3"})
    )

    async def step(steps: Lifecycle) -> float:
        first, second = principals(emulator, 2)
        refused = asyncio.create_task(
            steps.create(Inputs.of({**INPUTS, "service_principal_id": first}))
        )
        while not posts(emulator):
            await asyncio.sleep(0.05)
        began = time.monotonic()
        await steps.create(Inputs.of({**INPUTS, "service_principal_id": second}))
        waited = time.monotonic() - began
        await refused
        return waited

    waited, _ = run(emulator, step)
    assert waited > 2
    assert sorted(map(str, posts(emulator))) == ["204", "204", "429"]


def test_a_step_that_has_less_time_than_the_pause_fails_without_a_call(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "60"})
    )

    async def step(steps: Lifecycle) -> str:
        first, second = principals(emulator, 2)
        with pytest.raises(RequestError, match="429"):
            await steps.create(Inputs.of({**INPUTS, "service_principal_id": first, "timeout": 5}))
        with pytest.raises(RequestError) as caught:
            await steps.create(Inputs.of({**INPUTS, "service_principal_id": second, "timeout": 5}))
        return str(caught.value)

    said, _ = run(emulator, step)
    assert "not sent, because Microsoft Graph asks to wait longer than timeout" in said
    assert "Retry-After 60 s" in said or "Retry-After 61 s" in said
    assert "raise timeout above the Retry-After" in said
    assert posts(emulator) == [429]


@pytest.mark.slow
def test_what_graph_answered_is_not_hidden_by_the_pause_that_it_asked_for(
    emulator: Emulator,
) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "3"}, times=9)
    )
    (error,) = create_all(emulator, 1, timeout=5)
    assert ": 429 TooManyRequests" in str(error)
    assert "not sent" not in str(error)


def test_an_authority_that_answers_404_is_not_taken_for_a_new_target(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=404, times=9))
    (error,) = create_all(emulator, 1, timeout=60)
    assert isinstance(error, SignInError)
    assert token_requests(emulator) == 1


@pytest.mark.slow
def test_one_refusal_of_entra_holds_for_all(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=429, headers={"Retry-After": "2"}))
    made = create_all(emulator, 20)
    assert [one.status for one in made] == ["Authorized"] * 20
    assert token_requests(emulator) == 2


def test_a_failure_of_entra_is_shared_by_those_who_waited_for_it(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=400, delay=1.0))
    made = create_all(emulator, 20)
    assert {type(one) for one in made} == {SignInError}
    assert token_requests(emulator) == 1


CHALLENGE = (
    'Bearer realm="", error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="'
)


def test_one_challenge_asks_for_one_token(emulator: Emulator) -> None:
    challenge = Fault(
        path="*/acquireAccessToken",
        status=401,
        code="InvalidAuthenticationToken",
        headers={"WWW-Authenticate": CHALLENGE},
        times=16,
    )
    emulator.faults.add(challenge)
    made = create_all(emulator, 50)
    assert [one.status for one in made] == ["Authorized"] * 50
    assert token_requests(emulator) == 2


@pytest.mark.slow
def test_a_token_answer_that_does_not_come_is_asked_for_again(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", delay=40.0))
    began = time.monotonic()
    made = create_all(emulator, 4)
    assert [one.status for one in made] == ["Authorized"] * 4
    assert time.monotonic() - began < 39
    assert len(posts(emulator)) == 4
