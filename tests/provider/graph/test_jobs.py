"""Refresh reads the synchronization jobs and their quarantines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from pulumi_entra_provisioning.errors import RequestError
from support.hostile_server import StartHostile, graph_and_entra, said
from support.steps import JOBS, SECRETS, TARGET, created, failure, reads, run

pytestmark = pytest.mark.usefixtures("plain_environment")


HOSTILE = "\x1b[31m##vso[task.setvariable variable=x]y\r\n::set-output name=x::y\u202e\x9b1m"


def test_refresh_warns_about_a_quarantine_in_one_line(emulator: Emulator) -> None:
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
        f"{TARGET} does not provision: a job, EncounteredQuarantineException. Renew the"
        " credentials, and set job_id and restart_job to restart the job."
    )


@pytest.mark.parametrize(
    "job",
    [
        {"id": "job", "status": "x"},
        {"id": "job", "status": {"quarantine": []}},
        {"id": "job", "status": {"quarantine": {"reason": 4}}},
        {"id": "job", "status": {"code": "Quarantine"}, "schedule": "x"},
        {"status": {"code": "Active"}},
    ],
    ids=str,
)
def test_refresh_fails_on_a_malformed_job(hostile: StartHostile, job: dict[str, Any]) -> None:
    held = said({"value": [{"key": "SecretToken", "value": "*"}]})
    server = hostile({SECRETS: held, JOBS: said({"value": [job]})})
    reported = str(failure(graph_and_entra(server), reads))
    assert reported.startswith(f"reading the synchronization jobs of {TARGET}: 200: ")


def test_keys_and_quarantine_reasons_new_to_the_sdk_are_kept(
    hostile: StartHostile, emulator: Emulator
) -> None:
    held = said({"value": [{"key": "KeyToCome", "value": "*"}]})
    quarantine = {"reason": "reasonToCome"}
    job = {"id": "job", "status": {"code": "Quarantine", "quarantine": quarantine}}
    job["schedule"] = {"state": "Disabled"}
    server = hostile({SECRETS: held, JOBS: said({"value": [job]})})
    seen, lines = run(emulator, reads, graph_and_entra(server))
    assert seen.stored_keys == ["KeyToCome"]
    assert "job job, ReasonToCome, disabled. Start it again in" in lines[-1]

    server.tricks = {**server.tricks, SECRETS: held}
    with pytest.raises(RequestError):  # the server answers a PUT with the list
        run(emulator, lambda steps: steps.delete(seen), graph_and_entra(server))
    assert f"PUT /v1.0/{TARGET}{SECRETS}" in server.asked
