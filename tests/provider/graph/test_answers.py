"""What Graph answers is shown without a secret, and steers nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import REMEDIES
from support.steps import GUID, INPUTS, TARGET, created, run

HOSTILE = "\x1b[31m##vso[task.setvariable variable=x]y\r\n::set-output name=x::y\u202e\x9b1m"


def refused(emulator: Emulator, credentials: Mapping[str, str]) -> RequestError:
    inputs = {"service_principal_id": GUID, "credentials": credentials}
    with pytest.raises(RequestError) as caught:
        run(emulator, lambda steps: steps.create(Inputs.of(inputs)))
    return caught.value


def test_a_message_that_quotes_a_credential_is_withheld_and_the_rest_is_reported(
    emulator: Emulator,
) -> None:
    value = "pl4nted-t0ken"
    for said in (value, base64.b64encode(f"u:{value}".encode()).decode(), value[::-1]):
        emulator.faults.add(
            Fault(path="*/acquireAccessToken", status=400, message=f"Not '{said}', Sir.")
        )
        error = refused(emulator, {"SecretToken": f"{value}\n", "UserName": "Sir"})
        reported = f"authorizing {TARGET}: 400 Request_BadRequest: {WITHHELD} (request-id "
        assert str(error).startswith(reported)
        assert str(error).endswith(f"). {REMEDIES['400']}")


def test_what_is_no_secret_hides_neither_the_message_nor_the_remedy(emulator: Emulator) -> None:
    credentials = {
        "BaseAddress": "https://scim.contoso.example/v2",
        "UserName": "setting",
        "SyncAll": "true",
        "SecretToken": "pl4nted",
    }
    said = "scim.contoso.example refused 'setting', which is true"
    inner = {"error": {"code": "InvalidNotificationSettings", "message": said}}
    emulator.faults.add(Fault(path="*/acquireAccessToken", status=400, message=json.dumps(inner)))
    reported = str(refused(emulator, credentials))
    assert f"400 InvalidNotificationSettings: {said} (request-id" in reported
    assert reported.endswith(str(REMEDIES["400 InvalidNotificationSettings"]))


@pytest.mark.parametrize("message", [HOSTILE, "[" * 100_000, "a%2525&#x26;" * 50_000])
def test_what_graph_says_steers_neither_a_terminal_nor_a_pipeline(
    emulator: Emulator, message: str
) -> None:
    fault = Fault(status=400, code=HOSTILE, message=message, path="*/acquireAccessToken")
    emulator.faults.add(fault)
    reported = str(refused(emulator, {"SecretToken": "pl4nted"}))
    emulator.faults.add(replace(fault, path="*/validateCredentials"))
    job_id = emulator.tenant.jobs("servicePrincipals", GUID)[0]["id"]
    made, lines = run(emulator, lambda steps: steps.create(Inputs.of({**INPUTS, "job_id": job_id})))
    assert made.verification == "Failed: 400"
    for line in (reported, *lines):
        assert line.isprintable()
        assert "##" not in line
        assert "::" not in line
        assert len(line) < 2_000


def test_an_id_of_graph_that_is_none_or_quotes_a_credential_is_not_shown(
    emulator: Emulator,
) -> None:
    for said in ("pl4nted", "##vso[task.debug]"):
        emulator.faults.add(
            Fault(path="*/acquireAccessToken", status=400, headers={"request-id": said})
        )
        assert "request-id" not in str(refused(emulator, {"SecretToken": "pl4nted"}))


def test_what_a_job_says_of_its_quarantine_is_reported_in_one_line(emulator: Emulator) -> None:
    old = created(emulator)
    quarantine = {
        "reason": "EncounteredQuarantineException",
        "error": {"code": HOSTILE, "message": HOSTILE},
    }
    job = {"id": HOSTILE, "status": {"code": "Quarantine", "quarantine": quarantine}}
    emulator.faults.add(
        Fault(
            method="GET",
            path="*/jobs",
            status=200,
            body=json.dumps({"value": [job]}),
            headers={"Content-Type": "application/json"},
        )
    )
    seen, reported = run(emulator, lambda steps: steps.read(TARGET, old))
    assert seen
    assert seen.status == "Quarantined"
    (line,) = reported
    assert line == (
        f"{TARGET} is in quarantine: a job, EncounteredQuarantineException. Renew the credentials,"
        " and set job_id and restart_job to restart the job."
    )
