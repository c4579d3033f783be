"""Scripted faults: what they do to a call, from Python, from a file and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
    Fault,
)
from entra_emulator.disturb.faults import fault_fields, read_faults
from entra_emulator.input import yaml_file
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    credentials,
    error,
    kept_by,
    token_form,
)

FAULTS = "/emulator/faults"


@pytest.fixture
def control(emulator: Emulator) -> Iterator[httpx.Client]:
    with anonymous(emulator) as client:
        yield client


def test_a_fault_matches_every_form_of_a_path_to_its_target(emulator: Emulator) -> None:
    ids = (DEFAULT_SERVICE_PRINCIPAL_ID.upper(), DEFAULT_APP_ID)
    for target in ids:
        emulator.faults.add(Fault(target=target, status=500))
    with authorized(emulator) as client:
        assert client.get(f"/v1.0/applications/{DEFAULT_APPLICATION_ID}").status_code == 200
        assert client.get(SECRETS).status_code == 500
        assert client.get(SECRETS).status_code == 200
        by_app_id = f"/v1.0/servicePrincipals(appId='{DEFAULT_APP_ID}')"
        assert client.get(by_app_id).status_code == 500


def test_a_fault_added_over_http_happens(emulator: Emulator, control: httpx.Client) -> None:
    fault = {"path": "*/secrets", "nth": 2, "status": 429, "headers": {"Retry-After": 7}}
    added = control.post(FAULTS, json=fault)
    assert added.status_code == 201
    shown = {**fault, "headers": {"Retry-After": "7"}}
    assert added.json() == {"faults": [shown]}
    assert control.post(FAULTS, json=[{"path": "*/jobs", "drop": "after"}]).status_code == 201
    assert control.get(FAULTS).json()["faults"] == [shown, {"path": "*/jobs", "drop": "after"}]
    with authorized(emulator) as client:
        assert client.get(SECRETS).status_code == 200
        refused = client.get(SECRETS)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert control.delete(FAULTS).status_code == 204
        assert control.get(FAULTS).json() == {"faults": []}
        assert client.get(JOBS).status_code == 200


def test_a_fault_keeps_every_field_as_json() -> None:
    faults = [
        Fault(
            method="POST",
            path="*/token",
            target=DEFAULT_APP_ID,
            nth=2,
            times=3,
            status=503,
            code="a",
            message="b",
            headers={"Retry-After": "1"},
            delay=0.5,
            drop="body",
        ),
        Fault(status=200, body=b"{"),
        Fault(delay=1),
    ]
    documents = [fault_fields(fault) for fault in faults]
    assert [fault_fields(fault) for fault in read_faults(documents, "x")] == documents
    assert documents[1:] == [{"status": 200, "body": "{"}, {"delay": 1}]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"statuss": 429}, "fault 1: unknown field 'statuss' (did you mean status?)"),
        ({}, "fault 1: a fault requires a status, a drop or a delay"),
        ({"status": "429"}, "fault 1: status must be a whole number"),
        ({"status": True}, "fault 1: status must be a whole number"),
        ({"status": 99}, "fault 1: the status of a fault must be between 200 and 599"),
        ({"delay": -1}, "fault 1: the delay of a fault must be a number of seconds"),
        ({"drop": "sideways"}, 'fault 1: the drop of a fault must be "before", "after" or "body"'),
        ({"drop": "after", "status": 500}, "fault 1: a fault with a status sends an answer"),
        ({"drop": "after", "message": PLANTED}, "fault 1: code, message, headers and body"),
        ({"status": 500, "body": "", "code": "x"}, "fault 1: the body of a fault is sent as it is"),
        ({"status": 204, "body": "x"}, "fault 1: an answer with status 204 has no body"),
        ({"status": 500, "method": "post"}, "fault 1: the method of a fault must be"),
        ({"status": 500, "target": PLANTED}, "fault 1: target must be a GUID"),
        ({"status": 500, "nth": 0}, "fault 1: nth and times of a fault must be at least 1"),
        (
            {"status": 500, "headers": {"a": "b\nc"}},
            "fault 1: headers of a fault: HTTP cannot send 'a",
        ),
        ([{"status": 500}, 1], "fault 2 must be a mapping with the fields method, path, target"),
    ],
)
def test_the_error_of_an_invalid_fault_is_one_line_and_none_is_added(
    emulator: Emulator, control: httpx.Client, document: Any, sentence: str
) -> None:
    answer = control.post(FAULTS, json=document)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.startswith(f"the body: {sentence}")
    assert "\n" not in error
    assert PLANTED not in error
    assert emulator.faults.pending == []


def test_faults_are_read_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        '- {path: "*/acquireAccessToken", status: 429, headers: {Retry-After: 1}}\n'
        "- method: GET\n"
        f'  path: "{PRINCIPAL}"\n'
        "  drop: before\n"
    )
    assert read_faults(yaml_file.read(file), str(file)) == [
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"}),
        Fault(method="GET", path=PRINCIPAL, drop="before"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "- {status: 429",
            "is not valid YAML: expected ',' or '}', but got '<stream end>' (line 1)",
        ),
        ("- status: 429\n  status: 500\n", "is not valid YAML: 'status' appears twice (line 2)"),
        ("- !!python/object:os.system {}", "is not valid YAML: could not determine a constructor"),
        ("a: 2020-99-99", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
        ("[" * 5000, "is not valid YAML"),
    ],
)
def test_the_error_of_an_invalid_yaml_file_is_one_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"faults\.yaml") as caught:
        yaml_file.read(file)
    assert str(caught.value).startswith(f"{file} {sentence}")
    assert "\n" not in str(caught.value)


def test_a_fault_answers_once_and_the_service_does_not_act(
    emulator: Emulator,
) -> None:
    emulator.faults.add(
        Fault(method="POST", path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"})
    )
    with authorized(emulator) as client:
        assert client.get(SECRETS).status_code == 200
        first = client.post(ACQUIRE, json=credentials("UserName"))
        assert error(first) == (429, "TooManyRequests", "Too many requests.")
        assert first.headers["retry-after"] == "1"
        assert UUID(first.headers["request-id"])
        assert client.get(SECRETS).json()["value"] == []
        assert client.post(ACQUIRE, json=credentials("UserName")).status_code == 204
    assert emulator.faults.pending == []
    calls = emulator.journal.select(path="*/acquireAccessToken")
    assert [(call.status, call.fault) for call in calls] == [(429, "status 429"), (204, None)]


def test_a_fault_repeats_as_often_as_its_times(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", nth=2, times=2, status=503, code="", message="m"))
    with authorized(emulator) as client:
        statuses = [client.get(path).status_code for path in [SECRETS, JOBS] + [SECRETS] * 3]
    assert statuses == [200, 200, 503, 503, 200]


def test_faults_for_the_same_call_happen_in_order(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", status=500), Fault(path="*/secrets", status=504))
    emulator.faults.add(Fault(path="*/secrets", status=502, nth=3))
    with authorized(emulator) as client:
        statuses = [client.get(SECRETS).status_code for _ in range(4)]
        assert statuses == [500, 504, 502, 200]
        emulator.faults.add(Fault(status=500))
        emulator.faults.clear()
        assert client.get(SECRETS).status_code == 200


def test_a_fault_can_send_any_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault(status=502, body="<html>Bad Gateway</html>"))
    emulator.faults.add(Fault(status=200, body='{"value": ['))
    emulator.faults.add(Fault(status=400, code="Nested", message='{"error": {}}'))
    with anonymous(emulator) as client:
        html, malformed, nested = (client.get(SECRETS) for _ in range(3))
    assert (html.status_code, html.text) == (502, "<html>Bad Gateway</html>")
    assert html.headers["content-type"] == "text/html"
    assert (malformed.status_code, malformed.text) == (200, '{"value": [')
    assert error(nested) == (400, "Nested", '{"error": {}}')


def test_a_fault_of_the_token_endpoint_has_the_form_of_entra(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/oauth2/v2.0/token", status=503))
    with anonymous(emulator) as client:
        answer = client.post(TOKEN, data=token_form(emulator))
    body = answer.json()
    assert (answer.status_code, body["error"]) == (503, "temporarily_unavailable")
    assert body["error_codes"] == [90033]
    assert body["error_description"].startswith("AADSTS90033: ")


@pytest.mark.parametrize(("drop", "acted"), [("before", False), ("after", True), ("body", True)])
def test_drop_closes_the_connection_before_or_after_the_service_acts(
    emulator: Emulator, drop: Any, acted: bool
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop=drop))
    with authorized(emulator) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post(ACQUIRE, json=credentials("UserName"))
        kept = kept_by(emulator)
        assert bool(kept) == acted
        assert client.get(SECRETS).status_code == 200
    (call,) = emulator.journal.select(path="*/acquireAccessToken")
    assert call.fault == f"drop {drop}"
    assert call.status == (204 if drop == "body" else None)


def test_a_response_can_stop_in_the_middle_of_its_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/jobs", drop="body"))
    received: list[bytes] = []
    with authorized(emulator) as client, client.stream("GET", JOBS) as answer:
        assert answer.status_code == 200
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            received.extend(answer.iter_raw(1))
    assert 0 < len(received) <= int(answer.headers["content-length"]) // 2


def test_a_delay_holds_back_only_its_own_call(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", delay=0.5))
    with authorized(emulator) as slow, authorized(emulator) as quick:
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(slow.get, SECRETS)
            time.sleep(0.1)
            quick.get(JOBS)
            assert not waiting.done()
            assert waiting.result().status_code == 200
        assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"nth": 0, "status": 500},
        {"times": 0, "status": 500},
        {"drop": "sideways"},
        {"headers": {"Retry-After": "1"}, "drop": "after"},
        {"body": "x", "delay": 1},
        {"status": 500, "drop": "before"},
    ],
)
def test_a_fault_without_an_effect_or_with_contradictory_effects_is_refused(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="fault"):
        Fault(**wrong)
