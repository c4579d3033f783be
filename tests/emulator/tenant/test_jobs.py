"""The states of a job: started, paused, in quarantine, disabled, restarted."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from entra_emulator.tenant.tenant import Tenant
from support.emulator_clients import JOBS
from support.jobs import (
    DISABLED,
    PASSWORD,
    QUARANTINED,
    authorization,
    disable_job,
    only_job,
    put_credentials,
    quarantine_job,
    run_cycle,
    status,
)


def test_a_started_job_is_not_configured_until_it_has_credentials(
    emulator: Emulator, graph: httpx.Client
) -> None:
    assert graph.post(f"{only_job(graph)}/start").status_code == 204
    assert status(graph) == ("NotConfigured", "Active", None)
    assert run_cycle(emulator)["status"]["lastExecution"] is None
    put_credentials(emulator, **PASSWORD)
    assert status(graph) == ("NotRun", "Active", None)
    run_cycle(emulator)
    assert status(graph) == ("Active", "Active", None)
    put_credentials(emulator, UserName="", Password="")
    assert status(graph) == ("NotConfigured", "Active", None)


def test_new_credentials_do_not_start_a_paused_job(emulator: Emulator, graph: httpx.Client) -> None:
    graph.post(f"{only_job(graph)}/pause")
    put_credentials(emulator, **PASSWORD)
    assert status(graph) == ("Paused", "Paused", None)
    assert run_cycle(emulator)["status"]["lastExecution"] is None


def test_a_failed_cycle_quarantines_the_job_and_a_successful_one_ends_that(
    emulator: Emulator, graph: httpx.Client
) -> None:
    put_credentials(emulator, **PASSWORD)
    graph.post(f"{only_job(graph)}/start")
    assert run_cycle(emulator)["status"]["lastExecution"]["state"] == "Succeeded"
    emulator.tenant.third_party.revoke("p4ss")
    job = run_cycle(emulator)
    assert status(graph) == ("Quarantine", "Active", "EncounteredQuarantineException")
    assert job["status"]["lastExecution"]["state"] == "Failed"
    assert job["status"]["lastSuccessfulExecution"]["state"] == "Succeeded"
    assert job["status"]["countSuccessiveCompleteFailures"] == 1
    assert job["status"]["quarantine"]["error"]["tenantActionable"] is True
    assert "p4ss" not in json.dumps(job)
    put_credentials(emulator, Password="an0ther")
    assert status(graph)[0] == "Quarantine"
    assert run_cycle(emulator)["status"]["countSuccessiveCompleteFailures"] == 0
    assert status(graph) == ("Active", "Active", None)


def test_a_quarantined_job_retries_less_and_less_often() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    tenant = Tenant(now=lambda: now)
    id = DEFAULT_SERVICE_PRINCIPAL_ID
    tenant.put_secrets("servicePrincipals", id, PASSWORD)
    tenant.third_party.revoke("p4ss")
    (job,) = tenant.jobs("servicePrincipals", id)
    tenant.start_job("servicePrincipals", id, job["id"])
    began = "2026-01-01T00:00:00Z"
    for count, hours in enumerate((6, 12, 24, 24), start=1):
        (job,) = tenant.run_cycle(id)
        quarantine = job["status"]["quarantine"]
        assert quarantine["currentBegan"] == quarantine["seriesBegan"] == began
        assert quarantine["seriesCount"] == count
        expected = now + timedelta(hours=hours)
        assert quarantine["nextAttempt"] == expected.strftime("%Y-%m-%dT%H:%M:%SZ")
        now = expected


def test_start_ends_a_quarantine_and_pause_keeps_it(
    emulator: Emulator, graph: httpx.Client
) -> None:
    job = quarantine_job(emulator, graph)
    graph.post(f"{job}/pause")
    assert status(graph) == ("Paused", "Paused", "EncounteredQuarantineException")
    graph.post(f"{job}/start")
    assert status(graph) == ("Active", "Active", None)


def test_a_job_is_disabled_after_four_weeks_in_quarantine(
    emulator: Emulator, graph: httpx.Client
) -> None:
    quarantine_job(emulator, graph)
    emulator.clock.advance(timedelta(weeks=4, minutes=-5).total_seconds())
    graph.headers["Authorization"] = authorization(emulator)
    assert status(graph) == QUARANTINED
    emulator.clock.advance(300)
    assert status(graph) == DISABLED
    before = graph.get(JOBS).json()["value"]
    put_credentials(emulator, Password="an0ther")
    assert [run_cycle(emulator)] == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("start", None),
        ("restart", {"criteria": {"resetScope": "QuarantineState"}}),
    ],
)
def test_start_and_restart_enable_a_disabled_job(
    emulator: Emulator, graph: httpx.Client, path: str, body: Any
) -> None:
    job = disable_job(emulator, graph)
    assert graph.post(f"{job}/{path}", json=body).status_code == 204
    assert status(graph) == ("Active", "Active", None)
    put_credentials(emulator, Password="an0ther")
    assert run_cycle(emulator)["status"]["lastExecution"]["state"] == "Succeeded"


def test_a_restart_that_keeps_the_quarantine_adds_four_weeks(
    emulator: Emulator, graph: httpx.Client
) -> None:
    job = disable_job(emulator, graph)
    graph.post(f"{job}/restart", json={"criteria": {"resetScope": "Escrows"}})
    assert status(graph) == QUARANTINED
    run_cycle(emulator)
    assert status(graph) == QUARANTINED
    emulator.clock.advance(timedelta(weeks=4).total_seconds())
    graph.headers["Authorization"] = authorization(emulator)
    assert status(graph) == DISABLED


def test_a_paused_job_is_not_disabled(emulator: Emulator, graph: httpx.Client) -> None:
    graph.post(f"{quarantine_job(emulator, graph)}/pause")
    emulator.clock.advance(timedelta(weeks=5).total_seconds())
    graph.headers["Authorization"] = authorization(emulator)
    assert status(graph) == ("Paused", "Paused", "EncounteredQuarantineException")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, ("NotRun", "Active", None)),
        ({}, ("NotRun", "Active", None)),
        ({"criteria": None}, ("NotRun", "Active", None)),
        ({"criteria": {"resetScope": ""}}, ("NotRun", "Active", None)),
        ({"criteria": {"resetScope": "Full"}}, ("NotRun", "Active", None)),
        ({"criteria": {"resetScope": "QuarantineState"}}, ("Active", "Active", None)),
        ({"criteria": {"resetScope": "None"}}, ("Active", "Active", None)),
        ({"criteria": {"resetScope": "Escrows, ForceDeletes"}}, QUARANTINED),
        ({"criteria": {"resetScope": "Watermark"}}, QUARANTINED),
        ({"criteria": {"resetScope": "Watermark,QuarantineState"}}, ("NotRun", "Active", None)),
    ],
)
def test_a_restart_resets_what_its_scopes_name(
    emulator: Emulator, graph: httpx.Client, body: Any, expected: tuple[str, str, str | None]
) -> None:
    job = quarantine_job(emulator, graph)
    options = {} if body is None else {"json": body}
    assert graph.post(f"{job}/restart", **options).status_code == 204
    assert status(graph) == expected
