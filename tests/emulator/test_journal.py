"""What the journal keeps of large calls: bounded, and it says what it dropped."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest
from entra_emulator import Emulator
from support.emulator_clients import ACQUIRE, PLANTED, SECRETS, anonymous, authorized

MANY = json.dumps([{}] * 250_000)
"""A body of a megabyte that takes 25 times as much in memory."""

JSON = {"content-type": "application/json"}


def post(client: httpx.Client, times: int) -> None:
    for _ in range(times):
        assert client.post("/v1.0/applications", content=MANY, headers=JSON).status_code == 400


@pytest.mark.slow
def test_the_oldest_large_bodies_are_dropped_and_the_calls_and_small_bodies_stay(
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
    assert f"The bodies of {emulator.journal.bodies_dropped} calls were too large to keep." in page
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
    assert "  The bodies of 18 of these calls were too large to keep.\n" in ran.stderr


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


def test_no_value_is_in_a_body_that_is_kept(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        pairs = [{"key": "SecretToken", "value": PLANTED}] * 5_000
        client.put(SECRETS, json={"value": pairs}).raise_for_status()
    assert PLANTED not in str(emulator.journal.calls[-1].body)
