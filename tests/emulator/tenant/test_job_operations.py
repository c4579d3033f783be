"""Jobs are created, deleted, restarted, and set to a status."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import JOBS, authorized, error, nested, with_sdk
from support.jobs import (
    DISABLED,
    PASSWORD,
    QUARANTINED,
    only_job,
    put_credentials,
    quarantine_job,
    run_cycle,
    status,
)

APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


def test_a_job_is_created_as_documented_and_deleted(graph: httpx.Client) -> None:
    answer = graph.post(JOBS, json={"templateId": "scim"})
    assert answer.status_code == 201
    job = answer.json()
    assert job["schedule"]["state"] == "Disabled"
    assert job["status"]["code"] == "NotConfigured"
    path = f"{JOBS}/{job['id']}"
    assert graph.get(path, params={"$select": "templateId"}).json()["templateId"] == "scim"
    assert graph.delete(path).status_code == 204
    for gone in (graph.get(path), graph.delete(path), graph.post(f"{path}/start")):
        assert error(gone)[:2] == (404, "Request_ResourceNotFound")


def test_a_created_job_is_listed_and_an_unknown_one_is_not_found(emulator: Emulator) -> None:
    job = emulator.tenant.create_job(DEFAULT_SERVICE_PRINCIPAL_ID, "scim")
    with authorized(emulator) as client:
        assert client.get(f"{JOBS}/{job['id']}").json()["templateId"] == "scim"
        assert len(client.get(JOBS).json()["value"]) == 2
        assert error(client.get(f"{JOBS}/scim.nothing"))[0] == 404
        assert client.get(f"{APPLICATION}/synchronization/jobs").json()["value"] == []


def test_set_job_status_disables_a_job_whose_quarantine_began_long_ago() -> None:
    assumptions = Assumptions(status_when_disabled="Paused")
    for assumed, code in ((Assumptions(), "Quarantine"), (assumptions, "Paused")):
        with Emulator(assumptions=assumed) as emulator, authorized(emulator) as graph:
            put_credentials(emulator, **PASSWORD)
            for weeks, expected in ((3, QUARANTINED), (4, (code, *DISABLED[1:]))):
                emulator.tenant.set_job_status(
                    DEFAULT_SERVICE_PRINCIPAL_ID,
                    "Quarantine",
                    reason="EncounteredQuarantineException",
                    began=datetime.now(timezone.utc) - timedelta(weeks=weeks),
                )
                assert status(graph) == expected


def test_whether_a_restart_forgets_the_first_run_is_an_assumption() -> None:
    assumptions = Assumptions(restart_forgets_the_first_run=False)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        assert graph.post(f"{quarantine_job(emulator, graph)}/restart").status_code == 204
        assert status(graph) == ("Active", "Active", None)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"criteria": {"resetScope": "Everything"}}, "InvalidRestartCriteria"),
        ({"criteria": {"resetScope": "full"}}, "InvalidRestartCriteria"),
        ({"criteria": {"resetScope": 1}}, None),
        ({"criteria": {"scope": "Full"}}, None),
        ({"criteria": "Full"}, None),
        ({"resetScope": "Full"}, None),
    ],
)
def test_a_restart_with_invalid_criteria_is_refused(
    graph: httpx.Client, body: Any, answer: str | None
) -> None:
    refused = graph.post(f"{only_job(graph)}/restart", json=body)
    if answer is None:
        assert error(refused)[:2] == (400, "Request_BadRequest")
    else:
        assert nested(refused) == (400, "UnknownError", answer)


def test_the_state_file_keeps_the_history_of_a_job(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator, authorized(emulator) as graph:
        quarantine_job(emulator, graph)
        before = graph.get(JOBS).json()["value"]
    with Emulator(state=file) as emulator, authorized(emulator) as graph:
        assert graph.get(JOBS).json()["value"] == before
        assert run_cycle(emulator)["status"]["quarantine"]["seriesCount"] == 2


def test_msgraph_sdk_reads_a_quarantine(emulator: Emulator) -> None:
    emulator.tenant.set_job_status(
        DEFAULT_SERVICE_PRINCIPAL_ID,
        "Quarantine",
        reason="EncounteredQuarantineException",
        error_code="SalesforceInvalidCredentials",
    )

    async def use(graph: GraphServiceClient) -> tuple[str, str, str | None]:
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        jobs = await principal.synchronization.jobs.get()
        assert jobs
        assert jobs.value
        assert jobs.value[0].status
        status = jobs.value[0].status
        assert status.code
        assert status.quarantine
        assert status.quarantine.reason
        assert status.quarantine.error
        return (
            str(status.code.value),
            str(status.quarantine.reason.value),
            status.quarantine.error.code,
        )

    assert asyncio.run(with_sdk(emulator, use)) == (
        "Quarantine",
        "EncounteredQuarantineException",
        "SalesforceInvalidCredentials",
    )
