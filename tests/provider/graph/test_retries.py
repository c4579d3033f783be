"""When a call is retried, and which pauses and tokens the calls of a run share."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from entra_emulator.disturb.throttling import Limits
from pulumi_entra_provisioning.errors import RequestError, SignInError
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from support.steps import INPUTS, TARGET, WITH_CODE, created, posts, run
from support.tenant import authorizing


@pytest.mark.slow
def test_a_missing_new_target_is_looked_up_once_and_retried(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=404, times=2))
    created(emulator)
    assert posts(emulator) == [404, 404, 204]
    assert len(emulator.journal.select("GET", "/v1.0/*appId*")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_retry_waits_as_long_as_retry_after_asks(emulator: Emulator, status: int) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=status, headers={"Retry-After": "2"})
    )
    began = time.monotonic()
    created(emulator)
    assert posts(emulator) == [status, 204]
    assert time.monotonic() - began >= 2


@pytest.mark.slow
def test_a_long_wait_is_logged_and_one_beyond_the_timeout_fails_at_once(
    emulator: Emulator,
) -> None:
    wait = Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "4"})
    emulator.faults.add(wait)
    _, reported = run(emulator, lambda steps: steps.create(Inputs.of(INPUTS)))
    assert reported == [f"authorizing {TARGET}: 429, the service asks to wait; retrying in 4 s"]
    emulator.journal.clear()
    emulator.faults.add(wait)
    with pytest.raises(
        RequestError, match=f"authorizing {TARGET}: 429 .*Retry-After 4 s"
    ) as caught:
        created(emulator, {**INPUTS, "timeout": 3})
    assert "raise timeout" in str(caught.value)
    assert posts(emulator) == [429]


@pytest.mark.parametrize(
    "fault", [{"status": 404}, {"status": 401, "code": "UnknownError", "message": ""}]
)
def test_create_retries_a_missing_target_and_update_does_not(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    old = created(emulator)
    assert posts(emulator) == [fault["status"], 204]
    emulator.journal.clear()
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError, match=str(fault["status"])):
        run(emulator, lambda steps: steps.update(old, Inputs.of({**INPUTS, "triggers": "again"})))
    assert posts(emulator) == [fault["status"]]


@pytest.mark.slow
def test_create_retries_a_missing_target_for_part_of_the_timeout(
    emulator: Emulator,
) -> None:
    missing = {**INPUTS, "service_principal_id": "99999999-9999-4999-8999-999999999999"}
    began = time.monotonic()
    with pytest.raises(RequestError, match="404 Request_ResourceNotFound") as caught:
        created(emulator, {**missing, "timeout": 20})
    assert "not the application (client) id" in str(caught.value)
    assert time.monotonic() - began < 15
    assert len(posts(emulator)) > 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400},
        {"status": 403},
        {"status": 401, "code": "InvalidAuthenticationToken", "message": "Expired."},
        {"status": 500},
    ],
)
def test_a_refusal_is_not_retried(emulator: Emulator, fault: dict[str, Any]) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError, match=str(fault["status"])):
        created(emulator)
    assert posts(emulator) == [fault["status"]]


@pytest.mark.parametrize(
    "fault",
    [{"drop": "before"}, {"drop": "after"}, {"status": 503}, {"status": 504}],
)
def test_a_code_is_not_sent_again_after_a_call_that_may_have_acted(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError, match="The authorization code may be spent"):
        created(emulator, {**WITH_CODE, "timeout": 3})
    assert len(posts(emulator)) == 1


@pytest.mark.slow
def test_a_code_is_not_sent_again_after_a_timeout(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=2.0))
    with pytest.raises(
        RequestError,
        match=r"no answer within 1 s\. If timeout is short, raise it.*code may be spent",
    ):
        created(emulator, {**WITH_CODE, "timeout": 1})
    time.sleep(2)  # the journal gets a delayed call only at its end
    assert len(posts(emulator)) == 1


@pytest.mark.parametrize("status", [429, 404])
def test_a_code_is_sent_again_after_a_call_that_did_not_act(
    emulator: Emulator, status: int
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=status))
    created(emulator, WITH_CODE)
    assert posts(emulator) == [status, 204]


def test_reusable_credentials_are_sent_again_after_a_lost_answer(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after"))
    created(emulator)
    assert posts(emulator) == [None, 204]


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 503}, {"drop": "before"}],
)
def test_a_token_request_is_retried_like_a_call_of_graph(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.faults.add(Fault(path="*/token", **fault))
    created(emulator, WITH_CODE)
    assert posts(emulator) == [204]
    assert len(emulator.journal.select("POST", "*/token")) == 2


def test_a_token_request_that_times_out_does_not_report_a_spent_code(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(path="*/token", delay=2.0))
    with pytest.raises(
        SignInError, match=r"getting a token from .*: no answer within 1 s"
    ) as reported:
        created(emulator, {**WITH_CODE, "timeout": 1})
    assert "spent" not in str(reported.value)
    assert posts(emulator) == []


@pytest.mark.slow
def test_a_timeout_while_waiting_for_another_resource_sends_no_call(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=2.0))

    async def step(steps: Lifecycle) -> list[Any]:
        first = steps.create(Inputs.of(INPUTS))
        second = steps.create(Inputs.of({**WITH_CODE, "timeout": 0.5}))
        return list(await asyncio.gather(first, second, return_exceptions=True))

    (_, late), _ = run(emulator, step)
    assert "not sent, because another resource of this target used up the timeout" in str(late)
    assert "spent" not in str(late)
    assert posts(emulator) == [204]


@pytest.mark.slow
def test_a_retry_after_of_0_still_waits_between_retries(emulator: Emulator) -> None:
    now = Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "0"}, times=1000)
    emulator.faults.add(now)
    with pytest.raises(RequestError, match=": 429"):
        created(emulator, {**INPUTS, "timeout": 4})
    assert len(posts(emulator)) <= 3


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
def test_a_throttled_run_wastes_few_calls() -> None:
    with Emulator(throttling=Limits(resource_units=10)) as emulator:
        made = create_all(emulator, 20)
        assert [one.status for one in made] == ["Authorized"] * 20
        needed = 40
        assert to_graph(emulator) <= 1.5 * needed


@pytest.mark.slow
def test_after_a_pause_one_call_goes_first(emulator: Emulator) -> None:
    # As many as a run begins with, and then two that ask whether the pause is over.
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}, times=18)
    )
    made = create_all(emulator, 20)
    assert [one.status for one in made] == ["Authorized"] * 20
    calls = authorizing(emulator)
    assert [call.status for call in calls] == [429] * 18 + [204] * 20
    waits = [after.time - before.time for before, after in pairwise(calls[15:19])]
    assert all(wait.total_seconds() >= 1 for wait in waits)


@pytest.mark.slow
def test_a_call_waits_no_longer_than_retry_after_asks(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}, times=4)
    )
    made, reported = run(emulator, lambda steps: steps.create(Inputs.of(INPUTS)))
    assert made.status == "Authorized"
    assert posts(emulator) == [429] * 4 + [204]
    assert reported == []  # a pause of four seconds would be reported


async def slowed_down(emulator: Emulator, steps: Lifecycle) -> None:
    """A create that Graph refuses once: then the run has no more than two calls on their way."""
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"})
    )
    await steps.create(Inputs.of(INPUTS))
    emulator.journal.clear()


@pytest.mark.slow
def test_calls_that_wait_are_sent_before_those_that_come_later(emulator: Emulator) -> None:
    targets = principals(emulator, 40)

    async def step(steps: Lifecycle) -> None:
        await slowed_down(emulator, steps)
        at_once = asyncio.Semaphore(12)

        async def create(target: str) -> None:
            async with at_once:
                await steps.create(Inputs.of({**INPUTS, "service_principal_id": target}))

        await asyncio.gather(*map(create, targets))

    run(emulator, step)
    arrived = [call.path.split("/")[3] for call in authorizing(emulator)]
    late = [arrived.index(target) - number for number, target in enumerate(targets)]
    assert max(late) <= 6


@pytest.mark.slow
def test_the_call_with_the_least_time_left_is_the_next(emulator: Emulator) -> None:
    targets = principals(emulator, 4)

    async def step(steps: Lifecycle) -> None:
        await slowed_down(emulator, steps)
        for seconds in (1.0, 2.0):
            emulator.faults.add(Fault(path="*/acquireAccessToken", delay=seconds))
        creating = []
        for target, timeout in zip(targets, (300, 300, 300, 30), strict=True):
            inputs = {**INPUTS, "service_principal_id": target, "timeout": timeout}
            creating.append(asyncio.create_task(steps.create(Inputs.of(inputs))))
            await asyncio.sleep(0.1)
        await asyncio.gather(*creating)

    run(emulator, step)
    calls = sorted(authorizing(emulator), key=lambda call: call.time)
    assert [targets.index(call.path.split("/")[3]) for call in calls] == [0, 1, 3, 2]


@pytest.mark.slow
def test_a_retry_after_pauses_every_call(emulator: Emulator) -> None:
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


def test_a_step_with_less_time_than_the_pause_fails_without_a_call(emulator: Emulator) -> None:
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
def test_the_error_shows_the_answer_that_asked_for_the_pause(
    emulator: Emulator,
) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "3"}, times=9)
    )
    (error,) = create_all(emulator, 1, timeout=5)
    assert ": 429 TooManyRequests" in str(error)
    assert "not sent" not in str(error)


def test_a_404_of_the_authority_is_not_retried(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=404, times=9))
    (error,) = create_all(emulator, 1, timeout=60)
    assert isinstance(error, SignInError)
    assert token_requests(emulator) == 1


@pytest.mark.slow
def test_a_retry_after_of_entra_pauses_every_token_request(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=429, headers={"Retry-After": "2"}))
    made = create_all(emulator, 20)
    assert [one.status for one in made] == ["Authorized"] * 20
    assert token_requests(emulator) == 2


def test_calls_that_wait_for_one_token_request_share_its_failure(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", status=400, delay=1.0))
    made = create_all(emulator, 20)
    assert {type(one) for one in made} == {SignInError}
    assert token_requests(emulator) == 1


CHALLENGE = (
    'Bearer realm="", error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="'
)


def test_a_challenge_to_many_calls_requests_one_token(emulator: Emulator) -> None:
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
def test_a_token_request_without_an_answer_is_sent_again(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/token", delay=40.0))
    began = time.monotonic()
    made = create_all(emulator, 4)
    assert [one.status for one in made] == ["Authorized"] * 4
    assert time.monotonic() - began < 39
    assert len(posts(emulator)) == 4
