"""A failure of Graph is reported without secrets and control characters."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.answers import seconds
from pulumi_entra_provisioning.errors import (
    RequestError,
    SignInError,
)
from pulumi_entra_provisioning.graph.failures import unwrapped
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.redaction.shown import WITHHELD
from pulumi_entra_provisioning.remedies import REMEDIES
from support.hostile_server import (
    ENDLESS,
    StartHostile,
    Trick,
    graph_and_entra,
)
from support.steps import (
    ACTION,
    GUID,
    INPUTS,
    TARGET,
    WITH_CODE,
    creates,
    failure,
    run,
)

pytestmark = pytest.mark.usefixtures("plain_environment")


HOSTILE = "\x1b[31m##vso[task.setvariable variable=x]y\r\n::set-output name=x::y\u202e\x9b1m"


def refused(emulator: Emulator, credentials: Mapping[str, str]) -> RequestError:
    inputs = {"service_principal_id": GUID, "credentials": credentials}
    with pytest.raises(RequestError) as caught:
        run(emulator, lambda steps: steps.create(Inputs.of(inputs)))
    return caught.value


def test_the_error_withholds_a_message_that_quotes_a_credential(
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


def test_a_value_that_is_not_secret_withholds_neither_message_nor_remedy(
    emulator: Emulator,
) -> None:
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
def test_a_message_of_graph_controls_neither_a_terminal_nor_a_pipeline(
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


def test_a_malformed_or_secret_request_id_is_not_shown(
    emulator: Emulator,
) -> None:
    for said in ("pl4nted", "##vso[task.debug]"):
        emulator.faults.add(
            Fault(path="*/acquireAccessToken", status=400, headers={"request-id": said})
        )
        assert "request-id" not in str(refused(emulator, {"SecretToken": "pl4nted"}))


def test_the_synchronization_services_own_error_is_unwrapped() -> None:
    message = '{"error":{"code":"InvalidNotificationSettings","message":null,"details":[]}}'
    assert unwrapped("UnknownError", message) == ("InvalidNotificationSettings", "")
    twice = json.dumps({"error": {"code": "Outer", "message": message}})
    assert unwrapped("UnknownError", twice) == ("InvalidNotificationSettings", "")


@pytest.mark.parametrize(
    "message", ["", "plain", "[]", "{}", '{"error": 1}', '{"error":{"code":1}}']
)
def test_a_message_without_an_inner_error_stays_unchanged(message: str) -> None:
    assert unwrapped("UnknownError", message) == ("UnknownError", message)


def test_a_deeply_nested_message_is_not_unwrapped() -> None:
    for message in ("[" * 100_000, '{"error":' * 100_000):
        assert unwrapped("UnknownError", message) == ("UnknownError", message)


@pytest.mark.parametrize(("status", "spent"), [(200, True), (500, True), (400, False)])
def test_an_endless_answer_to_a_code_warns_that_it_may_be_spent(
    hostile: StartHostile, status: int, spent: bool
) -> None:
    server = hostile({ACTION: Trick(status, ENDLESS.headers, ENDLESS.body, True)})
    error = failure(graph_and_entra(server), creates(inputs=WITH_CODE))
    assert f"{status}: the answer is larger than 4 MiB" in str(error)
    assert ("code may be spent" in str(error)) == spent
    assert len([asked for asked in server.asked if asked.endswith(ACTION)]) == 1


def test_the_longer_of_two_retry_after_headers_counts(hostile: StartHostile) -> None:
    twice = Trick(429, (("Retry-After", "70"), ("Retry-After", "90")))
    for path in (ACTION, "/token"):
        error = failure(graph_and_entra(hostile({path: twice})), creates())
        assert isinstance(error, RequestError | SignInError)
        assert error.answer.retry_after == 90


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 21 Oct 2099 07:28:00 +99999999999999999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "9" * 5000,
        ",,,",
    ],
)
def test_an_invalid_retry_after_still_warns_about_a_spent_code(
    hostile: StartHostile, date: str
) -> None:
    seconds(date)
    answer = Trick(503, (("Retry-After", date),))
    server = hostile({ACTION: answer})
    error = failure(graph_and_entra(server), creates(inputs=WITH_CODE))
    assert isinstance(error, RequestError)
    assert error.answer.status == 503
    assert "code may be spent" in str(error)
