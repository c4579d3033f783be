"""The journal: what it shows, what it masks, and how much it keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    Emulator,
)
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    credentials,
    pair,
    scope,
    secret_credential,
    token_form,
)

MANY = json.dumps([{}] * 250_000)
"""A body of a megabyte that takes 25 times as much in memory."""


JSON = {"content-type": "application/json"}


def post(client: httpx.Client, times: int) -> None:
    for _ in range(times):
        assert client.post("/v1.0/applications", content=MANY, headers=JSON).status_code == 400


@pytest.mark.slow
def test_the_journal_drops_only_the_oldest_large_bodies(
    emulator: Emulator,
) -> None:
    with authorized(emulator) as client:
        emulator.journal.clear()
        small = {"credentials": [{"key": "UserName", "value": "x"}]}
        assert client.post(ACQUIRE, json=small).status_code == 204
        post(client, 3)
        large = [{"key": "UserName", "value": "x"}] * 12_000
        for _ in range(4):
            client.put(SECRETS, json={"value": large}).raise_for_status()
    assert emulator.journal.bodies_dropped >= 3
    calls = emulator.journal.calls
    assert len(calls) == 1 + 3 + 4
    dropped = [call.body is None for call in calls]
    assert dropped[:4] == [False, True, True, True]
    assert dropped[-1] is False
    assert dropped.count(True) == emulator.journal.bodies_dropped
    with anonymous(emulator) as client:
        page = client.get("/").text
    assert f"dropped the bodies of {emulator.journal.bodies_dropped} calls" in page
    emulator.journal.clear()
    assert (emulator.journal.calls, emulator.journal.bodies_dropped) == ([], 0)


@pytest.mark.slow
def test_many_large_bodies_take_little_memory_and_the_report_counts_them() -> None:
    program = (
        "import json, os, ssl, sys, httpx\n"
        "url, ca = (os.environ['ENTRA_PROVISIONING_' + n] for n in ('GRAPH_ENDPOINT', 'CA_FILE'))\n"
        "def resident():\n"
        "    with open(f'/proc/{os.getppid()}/statm') as file:\n"
        "        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') >> 20\n"
        "trust = ssl.create_default_context(cafile=ca)\n"
        "with httpx.Client(base_url=url, verify=trust) as client:\n"
        "    body = json.dumps([{}] * 250_000)\n"
        "    headers = {'content-type': 'application/json'}\n"
        "    for _ in range(3): client.post('/v1.0/applications', content=body, headers=headers)\n"
        "    before = resident()\n"
        "    for _ in range(15): client.post('/v1.0/applications', content=body, headers=headers)\n"
        "    print(resident() - before)\n"
    )
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "entra_emulator.cli", "run", "--"),
            *(sys.executable, "-c", program),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 40
    assert "  The journal has dropped the bodies of 18 calls: they were too large.\n" in ran.stderr


def test_long_texts_of_a_call_are_cut_or_masked(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        client.get(
            "/v1.0/" + "a/" * 1_500,
            params={"$select": "a" * 3_000},
            headers={"user-agent": "u" * 3_000},
        )
    call = emulator.journal.calls[-1]
    assert (call.path, call.query) == ("/***", {"$select": "***"})
    assert call.user_agent == "u" * 512


def test_a_kept_body_holds_no_value(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        pairs = [{"key": "SecretToken", "value": PLANTED}] * 5_000
        client.put(SECRETS, json={"value": pairs}).raise_for_status()
    assert PLANTED not in str(emulator.journal.calls[-1].body)


def test_the_journal_records_a_call_without_its_values(emulator: Emulator) -> None:
    sent = str(uuid4())
    headers = {"client-request-id": sent, "user-agent": "a-product/1.0"}
    type_ = "#microsoft.graph.synchronizationSecretKeyStringValuePair"
    body = {"credentials": [{"@odata.type": type_, **pair("Password")}, pair("UserName", "")]}
    with authorized(emulator) as client:
        answer = client.post(ACQUIRE, json=body, headers=headers, params={"api-version": "1.0"})
    (call,) = emulator.journal.select("POST", "*/acquireAccessToken")
    assert datetime.now(timezone.utc) - call.time < timedelta(seconds=10)
    expected = replace(
        call,
        method="POST",
        path=ACQUIRE,
        query={"api-version": "1.0"},
        status=204,
        request_id=answer.headers["request-id"],
        client_request_id=sent,
        user_agent="a-product/1.0",
        client_id=DEFAULT_CLIENT_ID,
        fault=None,
        body={
            "credentials": [
                {"@odata.type": type_, "key": "Password", "value": "***"},
                {"key": "UserName", "value": ""},
            ]
        },
    )
    assert call == expected
    (token,) = emulator.journal.select(path=TOKEN)
    assert token.client_id == DEFAULT_CLIENT_ID
    assert token.body == {
        "client_id": DEFAULT_CLIENT_ID,
        "grant_type": "client_credentials",
        "scope": scope(emulator),
    }
    emulator.journal.clear()
    assert emulator.journal.calls == []


def test_the_journal_holds_no_secret_from_any_part_of_a_request(emulator: Emulator) -> None:
    planted = [PLANTED, DEFAULT_CLIENT_SECRET]
    strange: list[dict[str, Any]] = [
        {"url": ACQUIRE, "json": credentials("Password")},
        {"url": ACQUIRE, "json": credentials(PLANTED)},
        {"url": ACQUIRE, "json": {"credentials": PLANTED, PLANTED: PLANTED}},
        {"url": ACQUIRE, "json": {"credentials": [{"key": "Password", "value": [[PLANTED]]}]}},
        {"url": ACQUIRE, "json": {"value": {"value": {"value": {"value": {"value": PLANTED}}}}}},
        {"url": ACQUIRE, "json": {"@odata.type": PLANTED, "appId": PLANTED}},
        {"url": ACQUIRE, "json": [PLANTED]},
        {"url": ACQUIRE, "json": PLANTED},
        {"url": ACQUIRE, "content": f'{{"credentials": "{PLANTED}'},
        {"url": ACQUIRE, "content": PLANTED},
        {"url": ACQUIRE, "data": {PLANTED: PLANTED, "value": PLANTED}},
        {"url": f"/v1.0/servicePrincipals/{PLANTED}/synchronization/secrets"},
        {"url": f"{JOBS}/{PLANTED}"},
        {"url": f"/{PLANTED}"},
        {"url": ACQUIRE, "params": {"secret": PLANTED, PLANTED: "", "$filter": PLANTED}},
        {"url": ACQUIRE, "headers": {"client-request-id": PLANTED}},
        {"url": TOKEN, "data": token_form(emulator, client_secret=PLANTED)},
        {"url": TOKEN, "data": token_form(emulator, client_assertion=PLANTED, other=PLANTED)},
        {
            "url": TOKEN,
            "data": dict.fromkeys(("client_id", "scope", "grant_type", PLANTED), PLANTED),
        },
        {"url": TOKEN, "content": f"client_secret={PLANTED}&client_secret={PLANTED}"},
    ]
    token = secret_credential(emulator).get_token(scope(emulator)).token
    with authorized(emulator, token) as client:
        for request in strange:
            client.post(**request)
    calls = emulator.journal.select("POST")
    assert len(calls) == len(strange) + 1
    for text in [*planted, token]:
        assert text not in repr(calls)


def test_the_journal_shows_the_path_of_an_unknown_call(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        job = client.get(JOBS).json()["value"][0]["id"]
        client.get(f"{JOBS}/{job}")
        client.get("/v1.0/users", params={"$select": "id,displayName", "code": "x"})
    paths = [call.path for call in emulator.journal.calls[-2:]]
    assert paths == [f"{JOBS}/{job}", "/v1.0/users"]
    assert emulator.journal.calls[-1].query == {"$select": "id,displayName", "***": "***"}


def test_the_calls_of_one_connection_show_it(emulator: Emulator) -> None:
    for _ in range(2):
        with anonymous(emulator) as client:
            client.get("/v1.0/applications")
            client.get("/v1.0/applications")
    first, second, third, fourth = (call.connection for call in emulator.journal.calls)
    assert first == second != third == fourth
    assert first is not None
