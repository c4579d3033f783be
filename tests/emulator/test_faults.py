"""Faults from a file and over HTTP, for one target; each document that is wrong says what is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
    Fault,
    yaml_file,
)
from entra_emulator.faults import read_faults, to_document
from support.emulator_clients import JOBS, PLANTED, PRINCIPAL, SECRETS, anonymous, authorized

FAULTS = "/emulator/faults"


@pytest.fixture
def control(emulator: Emulator) -> Iterator[httpx.Client]:
    with anonymous(emulator) as client:
        yield client


def test_a_fault_can_be_about_one_target_however_the_path_names_it(emulator: Emulator) -> None:
    ids = (DEFAULT_SERVICE_PRINCIPAL_ID.upper(), DEFAULT_APP_ID)
    for target in ids:
        emulator.faults.add(Fault(target=target, status=500))
    with authorized(emulator) as client:
        assert client.get(f"/v1.0/applications/{DEFAULT_APPLICATION_ID}").status_code == 200
        assert client.get(SECRETS).status_code == 500
        assert client.get(SECRETS).status_code == 200
        by_app_id = f"/v1.0/servicePrincipals(appId='{DEFAULT_APP_ID}')"
        assert client.get(by_app_id).status_code == 500


def test_faults_are_scripted_over_http_and_come_true(
    emulator: Emulator, control: httpx.Client
) -> None:
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


def test_every_field_of_a_fault_survives_its_document() -> None:
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
    documents = [to_document(fault) for fault in faults]
    assert [to_document(fault) for fault in read_faults(documents, "x")] == documents
    assert documents[1:] == [{"status": 200, "body": "{"}, {"delay": 1}]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"statuss": 429}, "fault 1: 'statuss' is not known here, but status"),
        ({}, "fault 1: a fault needs a status, a drop or a delay"),
        ({"status": "429"}, "fault 1: status must be a whole number"),
        ({"status": True}, "fault 1: status must be a whole number"),
        ({"status": 99}, "fault 1: status of a fault is an answer's, from 200 to 599"),
        ({"delay": -1}, "fault 1: delay of a fault is a number of seconds"),
        ({"drop": "sideways"}, 'fault 1: drop of a fault is "before", "after" or "body"'),
        ({"drop": "after", "status": 500}, "fault 1: a fault with a status has an answer"),
        ({"drop": "after", "message": PLANTED}, "fault 1: code, message, headers and body"),
        ({"status": 500, "body": "", "code": "x"}, "fault 1: body of a fault is sent as it is"),
        ({"status": 204, "body": "x"}, "fault 1: an answer with status 204 has no body"),
        ({"status": 500, "method": "post"}, "fault 1: method of a fault is"),
        ({"status": 500, "target": PLANTED}, "fault 1: target must be a GUID"),
        ({"status": 500, "nth": 0}, "fault 1: nth and times of a fault count from 1"),
        ({"status": 500, "headers": {"a": "b\nc"}}, "fault 1: headers of a fault: 'a'"),
        ([{"status": 500}, 1], "fault 2 must be a mapping of method, path, target"),
    ],
)
def test_a_fault_that_makes_no_sense_is_named_in_one_line_and_none_is_added(
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
        ("- {status: 429", "is not YAML: expected ',' or '}', but got '<stream end>' (line 1)"),
        ("- status: 429\n  status: 500\n", "is not YAML: 'status' stands there twice (line 2)"),
        ("- !!python/object:os.system {}", "is not YAML: could not determine a constructor"),
        ("a: 2020-99-99", "is not YAML"),
        ("\x00", "is not YAML"),
        ("[" * 5000, "is not YAML"),
    ],
)
def test_a_file_that_is_no_yaml_is_named_in_one_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"faults\.yaml") as caught:
        yaml_file.read(file)
    assert str(caught.value).startswith(f"{file} {sentence}")
    assert "\n" not in str(caught.value)
