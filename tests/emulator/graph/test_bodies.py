"""The bodies that Graph reads: their shapes, keys and encodings."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from entra_emulator import Emulator
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    SECRETS,
    authorized,
    credentials,
    error,
    kept_by,
    pair,
)
from support.jobs import PASSWORD, only_job, pairs, put_credentials

# Microsoft's own generated enumeration. Its members' values are text, though typed otherwise.
KEYS = [str(member.value) for member in SynchronizationSecret]


@pytest.mark.parametrize("sign", ["", "#"])
def test_a_pair_can_name_its_type(emulator: Emulator, sign: str) -> None:
    annotation = {"@odata.type": f"{sign}microsoft.graph.synchronizationSecretKeyStringValuePair"}
    with authorized(emulator) as client:
        answer = client.post(ACQUIRE, json={"credentials": [annotation | pair("UserName")]})
    assert answer.status_code == 204


def test_every_member_of_the_enumeration_is_a_key(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        answer = client.post(ACQUIRE, json=credentials(*KEYS))
    assert answer.status_code == 204
    kept = kept_by(emulator)
    assert kept.keys() == set(KEYS) - {"Oauth2AuthorizationCode"}


@pytest.mark.parametrize("key", ["baseAddress", "TenantId", "", "ü"])
def test_a_key_in_the_wrong_case_answers_500(
    untouched: Emulator, untouched_graph: httpx.Client, key: str
) -> None:
    expected = (500, "InternalError", f"Requested value '{key}' was not found.")
    assert error(untouched_graph.post(ACQUIRE, json=credentials("UserName", key))) == expected
    assert error(untouched_graph.put(SECRETS, json={"value": [pair(key)]})) == expected
    assert kept_by(untouched) == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credentials": []},
        {"credentials": None},
        {"credentials": "UserName"},
        {"credentials": {"key": "UserName", "value": "x"}},
        {"credentials": [[]]},
        {"credentials": [{}]},
        {"credentials": [{"key": 1, "value": "x"}]},
        {"credentials": [{"key": None, "value": "x"}]},
        {"credentials": [{"key": "UserName", "value": 1}]},
        {"credentials": [{"key": "UserName", "value": ["x"]}]},
        {"credentials": [{"key": "UserName", "value": "x", "note": "y"}]},
        {"credentials": [{"key": "UserName", "@odata.type": "microsoft.graph.keyValuePair"}]},
        {"credentials": [{"key": "UserName", "@odata.type": 1}]},
        {"credentials": [pair("UserName")], "more": 1},
        {"value": [pair("UserName")]},
        [],
        "text",
        1,
    ],
)
def test_a_malformed_body_is_a_bad_request(untouched_graph: httpx.Client, body: Any) -> None:
    assert error(untouched_graph.post(ACQUIRE, json=body))[:2] == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"credentials": [}',
        b"\xff\xfe",
        b'{"credentials": NaN}',
        b'{"credentials": [{"key": "\\ud800", "value": "x"}]}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request(
    untouched_graph: httpx.Client, content: bytes
) -> None:
    answer = untouched_graph.post(
        ACQUIRE, content=content, headers={"content-type": "application/json"}
    )
    assert error(answer)[:2] == (400, "BadRequest")
    assert error(untouched_graph.post(ACQUIRE, json={}))[0] == 400


def test_a_body_can_be_compressed(emulator: Emulator) -> None:
    content = gzip.compress(json.dumps(credentials("Password")).encode())
    with authorized(emulator) as client:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert client.post(ACQUIRE, content=content, headers=headers).status_code == 204
    assert kept_by(emulator) == {"Password": PLANTED}
    assert emulator.journal.calls[-1].body == {"credentials": [pair("Password", "***")]}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{}", 400),
        (gzip.compress(b'{"credentials": []}')[:-9], 400),
        (gzip.compress(b" " * (64 << 20)), 413),
    ],
    ids=["plain", "cut", "bomb"],
)
def test_a_body_that_is_not_gzip_or_grows_too_large_is_refused(
    untouched_graph: httpx.Client, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert error(untouched_graph.post(ACQUIRE, content=content, headers=headers))[0] == status
    assert untouched_graph.get(SECRETS).status_code == 200


def test_json_with_another_content_type_is_refused(untouched_graph: httpx.Client) -> None:
    answer = untouched_graph.post(ACQUIRE, content=b"{}", headers={"content-type": "text/plain"})
    assert error(answer)[2] == "Entity only allows writes with a JSON Content-Type header."


@pytest.mark.parametrize("body", [{}, {"templateId": 1}, {"templateId": "scim", "x": 1}, []])
def test_a_new_job_needs_a_template_id(graph: httpx.Client, body: Any) -> None:
    assert error(graph.post(JOBS, json=body))[:2] == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parameters": []},
        {"parameters": [{}]},
        {"parameters": [{"ruleId": "r"}]},
        {"parameters": [{"ruleId": "r", "subjects": []}]},
        {"parameters": [{"ruleId": "r", "subjects": [{"objectId": "x"}]}]},
        {"parameters": [{"ruleId": "r", "subjects": [{"objectId": "x", "objectType": "User"}]}]},
        {"parameters": [{"subjects": [{"objectId": "x", "objectTypeName": "User"}]}]},
        {"subjects": []},
    ],
)
def test_a_malformed_provision_on_demand_is_a_bad_request(
    emulator: Emulator, graph: httpx.Client, body: Any
) -> None:
    put_credentials(emulator, **PASSWORD)
    refused = graph.post(f"{only_job(graph)}/provisionOnDemand", json=body)
    assert error(refused)[:2] == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credentials": []},
        {"credentials": None, "useSavedCredentials": False},
        {"credentials": pairs(**PASSWORD), "useSavedCredentials": "no"},
        {"credentials": pairs(**PASSWORD), "templateId": 1},
        {"credentials": pairs(**PASSWORD), "applicationIdentifier": 1},
        {"credentials": pairs(**PASSWORD), "more": 1},
    ],
)
def test_a_malformed_validate_credentials_is_a_bad_request(graph: httpx.Client, body: Any) -> None:
    refused = graph.post(f"{JOBS}/validateCredentials", json=body)
    assert error(refused)[:2] == (400, "Request_BadRequest")
