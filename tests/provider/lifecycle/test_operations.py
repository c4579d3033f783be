"""Create, update, read and delete, without the engine and against the emulator."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError, SettingsError
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.lifecycle.outputs import Status
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import MAY_BE_AUTHORIZED, UNKNOWN_JOB
from pulumi_entra_provisioning.wire import UNKNOWN
from support.steps import GUID, INPUTS, TARGET, WITH_CODE, created, posts, run


def test_a_caller_without_a_sufficient_permission_fails_at_once(
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


def test_the_digest_is_salted_and_holds_no_value(emulator: Emulator) -> None:
    first, second = created(emulator), created(emulator)
    assert first.credentials_digest != second.credentials_digest
    assert "pl4nted" not in repr(first)


def test_create_sends_one_request_to_graph(emulator: Emulator) -> None:
    assert created(emulator).stored_keys == ["SecretToken"]
    assert [call.method for call in emulator.journal.select(path="/v1.0/*")] == ["POST"]


def test_a_code_may_be_spent_so_create_reads_the_keys_after_it(emulator: Emulator) -> None:
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    assert created(emulator, WITH_CODE).stored_keys is None


def test_a_key_that_graph_never_stores_asks_for_one_more_authorization_only(
    emulator: Emulator,
) -> None:
    old = created(emulator)
    other_keys_only = Fault(
        method="GET",
        path="*/secrets",
        status=200,
        body='{"value": [{"key": "SyncAll", "value": "true"}]}',
        headers={"Content-Type": "application/json"},
        times=3,
    )
    emulator.faults.add(other_keys_only)

    async def refreshed_and_updated(steps: Lifecycle) -> None:
        seen = await steps.read(TARGET, old)
        assert seen == replace(old, status="CredentialsMissing")
        again = await steps.update(seen, Inputs.of(INPUTS))
        assert (again.stored_keys, again.revision) == ([], 2)
        assert await steps.read(TARGET, again) == again
        assert again.status == "Authorized"

    run(emulator, refreshed_and_updated)
    assert emulator.faults.pending == []


def test_get_fails_if_the_target_does_not_exist(emulator: Emulator) -> None:
    emulator.tenant.delete("servicePrincipals", GUID)
    with pytest.raises(RequestError, match="404 Request_ResourceNotFound"):
        run(emulator, lambda steps: steps.read(TARGET, None))


def test_the_next_refresh_reads_the_keys_that_create_could_not(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    old = created(emulator, WITH_CODE)
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    tokens = ["Oauth2AccessToken", "Oauth2AccessTokenCreationTime", "Oauth2RefreshToken"]
    assert seen == replace(old, stored_keys=tokens)
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("Oauth2RefreshToken", "")])
    lost, _ = run(emulator, lambda steps: steps.read(TARGET, seen))
    assert lost == replace(seen, status="CredentialsMissing") if seen else False


def test_a_refresh_expects_the_tokens_that_an_earlier_one_found(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("Oauth2AccessToken", "t0ken")])
    seen, _ = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, stored_keys=["Oauth2AccessToken", "SecretToken"])
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("Oauth2AccessToken", "")])
    lost, _ = run(emulator, lambda steps: steps.read(TARGET, seen))
    assert lost == replace(old, stored_keys=seen.stored_keys, status="CredentialsMissing")


def test_delete_fails_if_graph_refuses_to_empty_every_key(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="PUT", path="*/secrets", status=400, message="pl4nted"))
    with pytest.raises(RequestError, match=f"emptying credentials of {TARGET}: 400") as caught:
        run(emulator, lambda steps: steps.delete(old))
    assert "pl4nted" not in str(caught.value)


def test_delete_keeps_the_keys_that_another_resource_declares(
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


def test_refresh_reports_only_a_quarantine_for_refused_credentials(
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


def test_refresh_without_the_permission_to_read_returns_unknown(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    seen, reported = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen == replace(old, status="Unknown")
    assert "Synchronization.ReadWrite.All" in reported[0]


def test_refresh_fails_if_graph_rejects_the_token(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=401, code="InvalidX"))
    with pytest.raises(RequestError, match="401 InvalidX"):
        run(emulator, lambda steps: steps.read(TARGET, old))


def test_refresh_ignores_a_key_that_the_service_never_keeps(emulator: Emulator) -> None:
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


def test_read_fails_on_an_invalid_id(emulator: Emulator) -> None:
    with pytest.raises(SettingsError, match="id: must be servicePrincipals/<object id>"):
        run(emulator, lambda steps: steps.read("pl4nted", None))


def test_delete_succeeds_with_write_permission_alone(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.faults.add(Fault(method="GET", path="*/secrets", status=403))
    run(emulator, lambda steps: steps.delete(old))
    assert emulator.tenant.secrets("servicePrincipals", GUID) == {}


def test_delete_sends_no_put_if_no_key_is_stored(emulator: Emulator) -> None:
    old = created(emulator)
    emulator.tenant.put_secrets("servicePrincipals", GUID, [("SecretToken", "")])
    emulator.journal.clear()
    run(emulator, lambda steps: steps.delete(old))
    assert [call.method for call in emulator.journal.select(path="*/secrets")] == ["GET"]


@pytest.mark.slow
def test_authorizations_of_one_target_take_turns_and_others_run_at_once(emulator: Emulator) -> None:
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


def test_a_failed_verification_warns_and_keeps_the_authorization(emulator: Emulator) -> None:
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
    assert "The authorization stays. The next `pulumi up` verifies again. See docs/" in line
    (call,) = emulator.journal.select("POST", "*/validateCredentials")
    assert call.path == f"/v1.0/{TARGET}/synchronization/jobs/{job_id}/validateCredentials"


def test_a_new_job_id_verifies_and_does_not_authorize(emulator: Emulator) -> None:
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


def test_a_refusal_after_a_call_that_may_have_acted_says_that_the_state_records_it(
    emulator: Emulator,
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=503, times=1))
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=400, times=1))
    with pytest.raises(RequestError, match=re.escape(MAY_BE_AUTHORIZED)) as failed:
        created(emulator)
    assert failed.value.answer.status == 400
    assert failed.value.outputs
    assert posts(emulator) == [503, 400]
