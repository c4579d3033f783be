"""A synchronization job: its state, and how a test brings it into quarantine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.emulator_clients import JOBS, UNKNOWN_GUID, authorized

PASSWORD = {"UserName": "admin", "Password": "p4ss"}
SUBJECT = {
    "parameters": [
        {"ruleId": "rule", "subjects": [{"objectId": UNKNOWN_GUID, "objectTypeName": "User"}]}
    ]
}

QUARANTINED = ("Quarantine", "Active", "EncounteredQuarantineException")
DISABLED = ("Quarantine", "Disabled", "EncounteredQuarantineException")


def only_job(graph: httpx.Client) -> str:
    """The path of the only job of the default service principal."""
    (job,) = graph.get(JOBS).json()["value"]
    return f"{JOBS}/{job['id']}"


def status(graph: httpx.Client) -> tuple[str, str, str | None]:
    """The status code, the schedule's state and the reason of a quarantine of the only job."""
    (job,) = graph.get(JOBS).json()["value"]
    quarantine = job["status"]["quarantine"]
    return (
        job["status"]["code"],
        job["schedule"]["state"],
        quarantine and quarantine["reason"],
    )


def put_credentials(emulator: Emulator, **secrets: str) -> None:
    """Save credentials for the default service principal."""
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, secrets)


def run_cycle(emulator: Emulator) -> dict[str, Any]:
    """Run a cycle of the only job. Return the job."""
    (job,) = emulator.tenant.run_cycle(DEFAULT_SERVICE_PRINCIPAL_ID)
    return job


def quarantine_job(emulator: Emulator, graph: httpx.Client) -> str:
    """Bring the only job into quarantine, after one cycle that succeeds. Return its path."""
    put_credentials(emulator, **PASSWORD)
    job = only_job(graph)
    graph.post(f"{job}/start")
    run_cycle(emulator)
    emulator.tenant.third_party.revoke("p4ss")
    run_cycle(emulator)
    assert status(graph) == QUARANTINED
    return job


def disable_job(emulator: Emulator, graph: httpx.Client) -> str:
    """Keep the only job in quarantine for four weeks, which disables it. Return its path."""
    job = quarantine_job(emulator, graph)
    emulator.clock.advance(timedelta(weeks=4).total_seconds())
    graph.headers["Authorization"] = authorization(emulator)
    assert status(graph) == DISABLED
    return job


def authorization(emulator: Emulator) -> str:
    """The Authorization header of a client that signs in now."""
    with authorized(emulator) as client:
        return client.headers["Authorization"]


def pairs(**values: str) -> list[dict[str, str]]:
    """Credentials as Graph reads them."""
    return [{"key": key, "value": value} for key, value in values.items()]
