"""Create, update, read and delete, without the engine and against the emulator."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError, SettingsError, SignInError
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.lifecycle.outputs import Status
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import MAY_BE_AUTHORIZED, UNKNOWN_JOB
from pulumi_entra_provisioning.wire import UNKNOWN
from support.steps import GUID, INPUTS, TARGET, WITH_CODE, created, posts, run


def test_a_caller_without_any_permission_that_would_do_is_refused_at_once(
    emulator: Emulator,
) -> None:
    emulator.tenant.register_client(
        emulator.environment["AZURE_CLIENT_ID"],
        secrets=[emulator.environment["AZURE_CLIENT_SECRET"]],
        roles=["User.Read.All"],
    )
    began = time.monotonic()
    with pytest.raises(RequestError, match=r"401 UnknownError.* permissions User\.Read\.All. It"):
        created(emulator)
    assert posts(emulator) == [401]
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", ["servicePrincipals", "applications"])
def test_an_application_id_in_the_place_of_an_object_id_is_recognised_at_the_first_404(
    emulator: Emulator, kind: Any
) -> None:
    app = emulator.tenant.create_application("Mistaken")
    principal = emulator.tenant.create_service_principal(app["appId"])
    name = "application_id" if kind == "applications" else "service_principal_id"
    object_id = app["id"] if kind == "applications" else principal["id"]
    inputs = {"credentials": INPUTS["credentials"], name: app["appId"]}
    with pytest.raises(
        RequestError,
        match=rf"404 .*{app['appId']} is an application \(client\) id\. Use the object id"
        rf" instead: {object_id}\.",
    ):
        created(emulator, inputs)
    assert posts(emulator) == [404]
    assert len(emulator.journal.select("GET", "/v1.0/*appId*")) == 1


@pytest.mark.slow
def test_a_new_target_is_looked_up_once_and_waited_for(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=404, times=2))
    created(emulator)
    assert posts(emulator) == [404, 404, 204]
    assert len(emulator.journal.select("GET", "/v1.0/*appId*")) == 1


def test_the_digest_holds_no_value_and_is_never_the_same_twice(emulator: Emulator) -> None:
    first, second = created(emulator), created(emulator)
    assert first.credentials_digest != second.credentials_digest
    assert "pl4nted" not in repr(first)


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_call_is_repeated_after_the_time_that_graph_asks_for(
    emulator: Emulator, status: int
) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=status, headers={"Retry-After": "2"})
    )
    began = time.monotonic()
    created(emulator)
    assert posts(emulator) == [status, 204]
    assert time.monotonic() - began >= 2


@pytest.mark.slow
def test_a_long_wait_is_reported_and_one_beyond_the_timeout_is_not_begun(
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
def test_a_new_target_is_waited_for_and_a_known_one_is_not(
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
def test_a_target_that_does_not_appear_is_waited_for_within_a_part_of_the_timeout(
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
def test_a_refusal_is_final(emulator: Emulator, fault: dict[str, Any]) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError, match=str(fault["status"])):
        created(emulator)
    assert posts(emulator) == [fault["status"]]


@pytest.mark.parametrize(
    "fault",
    [{"drop": "before"}, {"drop": "after"}, {"status": 503}, {"status": 504}],
)
def test_a_code_is_not_sent_again_where_the_call_may_have_been_carried_out(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", **fault))
    with pytest.raises(RequestError, match="The authorization code may be spent"):
        created(emulator, {**WITH_CODE, "timeout": 3})
    assert len(posts(emulator)) == 1


@pytest.mark.slow
def test_a_code_is_not_sent_again_where_no_answer_came_in_time(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=2.0))
    with pytest.raises(
        RequestError,
        match=r"no answer within 1 s\. If timeout is short, raise it.*code may be spent",
    ):
        created(emulator, {**WITH_CODE, "timeout": 1})
    time.sleep(2)  # a delayed call stands in the journal once the emulator is done with it
    assert len(posts(emulator)) == 1


@pytest.mark.parametrize("status", [429, 404])
def test_a_code_is_sent_again_where_the_service_did_not_act(
    emulator: Emulator, status: int
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=status))
    created(emulator, WITH_CODE)
    assert posts(emulator) == [status, 204]


def test_reusable_credentials_are_sent_again_after_a_lost_answer(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop="after"))
    created(emulator)
    assert posts(emulator) == [None, 204]


def test_an_authorization_is_not_lost_when_its_keys_can_not_be_read(emulator: Emulator) -> None:
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    assert created(emulator).stored_keys is None


def test_a_redirect_is_not_followed(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault(
            path="*/acquireAccessToken",
            status=307,
            headers={"Location": f"{emulator.url}/elsewhere"},
        )
    )
    with pytest.raises(RequestError, match=r"307.*Redirects are not followed"):
        created(emulator)
    assert emulator.journal.select(path="/elsewhere") == []


def test_a_proxys_page_is_reported_as_its_status(emulator: Emulator) -> None:
    page = Fault(
        path="*/acquireAccessToken",
        status=407,
        body="<html>pl4nted</html>",
        headers={"Content-Type": "text/html"},
    )
    emulator.faults.add(page)
    with pytest.raises(RequestError, match=f"authorizing {TARGET}: 407") as caught:
        created(emulator)
    assert "pl4nted" not in str(caught.value)


CHALLENGE = (
    'Bearer realm="", error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="'
)


@pytest.mark.parametrize(("times", "answers"), [(1, [401, 204]), (2, [401, 401])])
def test_a_claims_challenge_is_met_once_with_a_new_token_and_then_reported(
    emulator: Emulator, times: int, answers: list[int]
) -> None:
    challenge = Fault(
        path="*/acquireAccessToken",
        status=401,
        code="InvalidAuthenticationToken",
        headers={"WWW-Authenticate": CHALLENGE},
        times=times,
    )
    emulator.faults.add(challenge)
    if times == 1:
        created(emulator, WITH_CODE)
    else:
        with pytest.raises(RequestError, match="a Conditional Access policy"):
            created(emulator, WITH_CODE)
    assert posts(emulator) == answers
    assert len(emulator.journal.select("POST", "*/token")) == 2


def test_tls_that_is_not_trusted_is_reported_at_once_with_what_to_check(emulator: Emulator) -> None:
    trusting_others = {**emulator.environment, "ENTRA_PROVISIONING_CA_FILE": ""}
    message = r"getting a token from .*CERTIFICATE_VERIFY_FAILED.*caFile"
    began = time.monotonic()
    with pytest.raises(SignInError, match=message):
        run(
            emulator,
            lambda steps: steps.create(Inputs.of({**INPUTS, "timeout": 60})),
            trusting_others,
        )
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 503}, {"drop": "before"}],
)
def test_entra_is_waited_for_as_graph_is(emulator: Emulator, fault: dict[str, Any]) -> None:
    emulator.faults.add(Fault(path="*/token", **fault))
    created(emulator, WITH_CODE)
    assert posts(emulator) == [204]
    assert len(emulator.journal.select("POST", "*/token")) == 2


@pytest.mark.slow
def test_an_authority_that_is_not_there_is_reported_by_its_name(emulator: Emulator) -> None:
    elsewhere = {
        **emulator.environment,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": "https://127.0.0.1:9",
    }
    message = r"getting a token from https://127\.0\.0\.1:9 .*: no answer \(.*refused"
    with pytest.raises(SignInError, match=message):
        run(emulator, lambda steps: steps.create(Inputs.of({**INPUTS, "timeout": 6})), elsewhere)


def test_a_token_that_does_not_come_is_not_taken_for_a_code_that_was_sent(
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
def test_waiting_for_its_turn_longer_than_its_time_is_not_a_call(emulator: Emulator) -> None:
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
def test_a_wait_of_no_seconds_is_a_wait_all_the_same(emulator: Emulator) -> None:
    now = Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "0"}, times=1000)
    emulator.faults.add(now)
    with pytest.raises(RequestError, match=": 429"):
        created(emulator, {**INPUTS, "timeout": 4})
    assert len(posts(emulator)) <= 3


def test_an_authority_that_answers_404_makes_nothing_gone(emulator: Emulator) -> None:
    old = created(emulator)
    for step in (lambda steps: steps.delete(old), lambda steps: steps.read(TARGET, old)):
        emulator.faults.add(Fault(path="*/token", status=404))
        with pytest.raises(SignInError, match="404"):
            run(emulator, step)
    assert emulator.tenant.secrets("servicePrincipals", GUID) == {"SecretToken": "pl4nted"}


def test_a_proxys_404_makes_nothing_gone(emulator: Emulator) -> None:
    old = created(emulator)
    page = Fault(path="/v1.0/*", status=404, body="<html>No such page.</html>", times=4)
    for step in (lambda steps: steps.delete(old), lambda steps: steps.read(TARGET, old)):
        emulator.faults.clear()
        emulator.faults.add(page)
        with pytest.raises(RequestError, match="404"):
            run(emulator, step)


def test_an_existing_authorization_that_is_not_there_is_reported(emulator: Emulator) -> None:
    emulator.tenant.delete("servicePrincipals", GUID)
    with pytest.raises(RequestError, match="404 Request_ResourceNotFound"):
        run(emulator, lambda steps: steps.read(TARGET, None))


def test_what_could_not_be_read_after_the_call_is_learned_by_the_next_refresh(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    old = created(emulator)
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, stored_keys=["SecretToken"])
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("SecretToken", "")])
    lost, _ = run(emulator, lambda steps: steps.read(TARGET, seen))
    assert lost == replace(seen, status="CredentialsMissing") if seen else False


def test_delete_fails_where_graph_refuses_to_empty_every_key(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="PUT", path="*/secrets", status=400, message="pl4nted"))
    with pytest.raises(RequestError, match=f"emptying credentials of {TARGET}: 400") as caught:
        run(emulator, lambda steps: steps.delete(old))
    assert "pl4nted" not in str(caught.value)


def test_what_the_program_declares_for_a_target_stays_when_another_leaves(
    emulator: Emulator,
) -> None:
    old = created(emulator, {**INPUTS, "credentials": {"SecretToken": "t", "Url": "u"}})

    async def step(steps: Lifecycle) -> None:
        steps.declarations.add("first", Inputs.of(INPUTS))
        steps.declarations.add(
            "second", Inputs.of({"application_id": UNKNOWN, "credentials": UNKNOWN})
        )
        await steps.delete(old)

    _, reported = run(emulator, step)
    assert reported == [f"the program still declares {TARGET}: keeps SecretToken; empties Url"]
    assert emulator.tenant.secrets("servicePrincipals", GUID) == {"SecretToken": "t"}


def test_refresh_distinguishes_a_quarantine_for_credentials_from_another_one(
    emulator: Emulator,
) -> None:
    old = created(emulator)
    job_id = emulator.tenant.jobs("servicePrincipals", GUID)[0]["id"]
    emulator.tenant.start_job("servicePrincipals", GUID, job_id)
    cases: tuple[tuple[str, Status], ...] = (
        ("EncounteredQuarantineException", "Quarantined"),
        ("TooManyDeletes", "Authorized"),
    )
    for reason, status in cases:
        emulator.tenant.set_job_status(GUID, "Quarantine", reason=reason)
        seen, reported = run(emulator, lambda steps: steps.read(TARGET, old))
        assert seen == replace(old, status=status)
        assert ("Quarantine" in status) == (reason in "".join(reported))


def test_a_refresh_that_may_not_read_says_unknown_and_does_not_fail(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    seen, reported = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, status="Unknown")
    assert "Synchronization.ReadWrite.All" in reported[0]


def test_a_refresh_whose_token_is_not_accepted_fails(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=401, code="InvalidX"))
    with pytest.raises(RequestError, match="401 InvalidX"):
        run(emulator, lambda steps: steps.read(TARGET, old))


def test_404_of_the_secrets_alone_does_not_make_a_target_gone(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=404))
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, status="Unknown")
    emulator.tenant.delete("servicePrincipals", GUID)
    assert run(emulator, lambda steps: steps.read(TARGET, old))[0] is None


def test_a_key_that_the_service_does_not_keep_is_not_a_loss(emulator: Emulator) -> None:
    old = created(emulator, WITH_CODE)
    assert old.stored_keys == [
        "Oauth2AccessToken",
        "Oauth2AccessTokenCreationTime",
        "Oauth2RefreshToken",
    ]
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == old
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("Oauth2RefreshToken", "")])
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, status="CredentialsMissing")


def test_an_id_that_names_no_target_is_reported(emulator: Emulator) -> None:
    with pytest.raises(SettingsError, match="id: must be servicePrincipals/<object id>"):
        run(emulator, lambda steps: steps.read("pl4nted", None))


def test_delete_goes_on_where_the_keys_may_be_written_but_not_read(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    run(emulator, lambda steps: steps.delete(old))
    assert emulator.tenant.secrets("servicePrincipals", GUID) == {}


def test_delete_asks_for_no_more_than_it_has_to(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("SecretToken", "")])
    emulator.journal.clear()
    run(emulator, lambda steps: steps.delete(old))
    assert [call.method for call in emulator.journal.select(path="*/secrets")] == ["GET"]


@pytest.mark.slow
def test_authorizations_of_one_target_take_turns_and_others_do_not_wait(emulator: Emulator) -> None:
    app_id = emulator.tenant.create_application("Other")["appId"]
    other = emulator.tenant.create_service_principal(app_id)["id"]
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=2.0, times=3))
    elsewhere = {**INPUTS, "service_principal_id": other}

    async def step(steps: Lifecycle) -> None:
        await asyncio.gather(
            *(steps.create(Inputs.of(inputs)) for inputs in (INPUTS, INPUTS, elsewhere))
        )

    run(emulator, step)
    calls = emulator.journal.select("POST", "*/acquireAccessToken")
    first, second = sorted(call.time for call in calls if GUID in call.path)
    (beside,) = (call.time for call in calls if other in call.path)
    assert second - first >= timedelta(seconds=2)
    assert beside - first < timedelta(seconds=2)
    assert len(emulator.journal.select("POST", "*/token")) == 1


def verifications(emulator: Emulator) -> int:
    return len(emulator.journal.select("POST", "*/validateCredentials"))


def test_a_failed_verification_is_reported_and_costs_no_authorization(emulator: Emulator) -> None:
    said = {"error": {"code": "InvalidCredentials", "message": "pl4nted is wrong."}}
    refusal = Fault(
        path="*/validateCredentials", status=400, code="UnknownError", message=json.dumps(said)
    )
    emulator.faults.add(refusal)
    job_id = emulator.tenant.jobs("servicePrincipals", GUID)[0]["id"]
    made, reported = run(
        emulator, lambda steps: steps.create(Inputs.of({**INPUTS, "job_id": job_id}))
    )
    assert (made.status, made.revision) == ("Authorized", 1)
    assert made.verification == "Failed: 400 InvalidCredentials"
    (line,) = reported
    assert line.startswith("verifying with job ")
    assert f" the credentials of {TARGET}: 400 InvalidCredentials: {WITHHELD}" in line
    assert (
        "The authorization stays. The next `pulumi up` verifies again. See docs/errors.md#" in line
    )
    (call,) = emulator.journal.select("POST", "*/validateCredentials")
    assert call.path == f"/v1.0/{TARGET}/synchronization/jobs/{job_id}/validateCredentials"


def test_another_job_to_verify_with_verifies_and_does_not_authorize(emulator: Emulator) -> None:
    old = created(emulator)
    inputs = {**INPUTS, "job_id": emulator.tenant.jobs("servicePrincipals", GUID)[0]["id"]}
    assert diff(old, Inputs.of(inputs)).changes is True
    new, _ = run(emulator, lambda steps: steps.update(old, Inputs.of(inputs)))
    assert new == replace(old, job_id=inputs["job_id"], verification="Valid")
    assert posts(emulator) == [204]
    assert verifications(emulator) == 1
    assert diff(new, Inputs.of(inputs)).changes is False
    assert run(emulator, lambda steps: steps.update(new, Inputs.of(INPUTS)))[0] == old
    assert verifications(emulator) == 1


def test_an_unknown_job_is_named_with_its_remedy(emulator: Emulator) -> None:
    inputs = Inputs.of({**INPUTS, "job_id": "of-another-target", "timeout": 1})
    _, lines = run(emulator, lambda steps: steps.create(inputs))
    line = lines[-1]
    assert line.startswith(f"verifying with job of-another-target the credentials of {TARGET}: 404")
    assert UNKNOWN_JOB.text in line


def test_an_authorization_without_an_answer_says_that_the_state_records_it(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=500))
    with pytest.raises(RequestError, match=re.escape(MAY_BE_AUTHORIZED)) as failed:
        created(emulator, {**INPUTS, "timeout": 1})
    assert failed.value.outputs
