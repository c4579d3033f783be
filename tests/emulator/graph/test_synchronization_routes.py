"""The synchronization API over HTTP: paths, ids, status codes."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.synchronization_job import SynchronizationJob
from msgraph.generated.models.synchronization_job_application_parameters import (
    SynchronizationJobApplicationParameters,
)
from msgraph.generated.models.synchronization_job_restart_criteria import (
    SynchronizationJobRestartCriteria,
)
from msgraph.generated.models.synchronization_job_restart_scope import (
    SynchronizationJobRestartScope,
)
from msgraph.generated.models.synchronization_job_subject import SynchronizationJobSubject
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_service_principal,
)
from msgraph.generated.service_principals.item.synchronization.jobs.item.provision_on_demand import (  # noqa: E501
    provision_on_demand_post_request_body as on_demand,
)
from msgraph.generated.service_principals.item.synchronization.jobs.item.restart import (
    restart_post_request_body as restart,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    PRINCIPAL,
    UNKNOWN_GUID,
    authorized,
    credentials,
    error,
    sdk_pairs,
    with_sdk,
)
from support.jobs import PASSWORD, SUBJECT, only_job, put_credentials, status

APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


def test_msgraph_sdk_reads_the_error_of_an_unknown_target(untouched: Emulator) -> None:
    async def use(graph: GraphServiceClient) -> None:
        principal = graph.service_principals.by_service_principal_id(UNKNOWN_GUID)
        await principal.synchronization.acquire_access_token.post(
            of_service_principal.AcquireAccessTokenPostRequestBody(
                credentials=sdk_pairs(UserName="x")
            )
        )

    with pytest.raises(ODataError) as caught:
        asyncio.run(with_sdk(untouched, use))
    assert caught.value.response_status_code == 404
    assert caught.value.error
    assert caught.value.error.code == "Request_ResourceNotFound"


def test_a_success_has_the_ids_of_the_call_and_no_body(emulator: Emulator) -> None:
    sent = str(uuid4())
    with authorized(emulator) as client:
        answer = client.post(
            ACQUIRE, json=credentials("UserName"), headers={"client-request-id": sent}
        )
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers
    assert UUID(answer.headers["request-id"])
    assert answer.headers["client-request-id"] == sent
    assert "ServerInfo" in json.loads(answer.headers["x-ms-ags-diagnostic"])
    assert answer.headers["date"].endswith("GMT")


def test_the_action_has_a_qualified_name_on_both_kinds(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        for target in (APPLICATION, PRINCIPAL):
            path = f"{target}/synchronization/microsoft.graph.acquireAccessToken"
            assert client.post(path, json=credentials("UserName")).status_code == 204
    assert emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID) == {"UserName": PLANTED}


@pytest.mark.parametrize("id", ["test", DEFAULT_APP_ID[:-1], "..%2e", "%00"])
def test_an_id_that_is_not_a_guid_is_a_bad_request(untouched_graph: httpx.Client, id: str) -> None:
    path = f"/v1.0/servicePrincipals/{id}/synchronization/acquireAccessToken"
    status, code, message = error(untouched_graph.post(path, json=credentials("UserName")))
    assert (status, code) == (400, "Request_BadRequest")
    assert message.startswith("Invalid object identifier '")


@pytest.mark.parametrize("id", [UNKNOWN_GUID, DEFAULT_APP_ID, DEFAULT_APPLICATION_ID])
def test_an_unknown_object_id_is_not_found(untouched_graph: httpx.Client, id: str) -> None:
    expected = (
        404,
        "Request_ResourceNotFound",
        f"Resource '{id}' does not exist or one of its queried reference-property objects are not"
        " present.",
    )
    path = f"/v1.0/servicePrincipals/{id}"
    assert error(
        untouched_graph.post(f"{path}/synchronization/acquireAccessToken", json=credentials("Url"))
    ) == (expected)
    assert error(untouched_graph.get(f"{path}/synchronization/secrets")) == expected
    assert error(untouched_graph.get(path)) == expected


def test_an_object_id_can_be_upper_case(untouched_graph: httpx.Client) -> None:
    path = f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID.upper()}"
    assert untouched_graph.get(path).json()["id"] == DEFAULT_SERVICE_PRINCIPAL_ID


@pytest.mark.slow
def test_msgraph_sdk_takes_a_job_through_its_life(emulator: Emulator) -> None:
    put_credentials(emulator, **PASSWORD)

    async def use(graph: GraphServiceClient) -> list[tuple[str, str]]:
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        created = await principal.synchronization.jobs.post(SynchronizationJob(template_id="scim"))
        assert created
        assert created.id
        item = principal.synchronization.jobs.by_synchronization_job_id(created.id)
        seen: list[tuple[str, str]] = []

        async def look() -> None:
            job = await item.get()
            assert job
            assert job.status
            assert job.schedule
            seen.append((str(job.status.code.value), str(job.schedule.state.value)))  # type: ignore[union-attr]

        await look()
        await item.start.post()
        await look()
        emulator.tenant.run_cycle(DEFAULT_SERVICE_PRINCIPAL_ID)
        await look()
        await item.pause.post()
        await look()
        criteria = SynchronizationJobRestartCriteria(
            reset_scope=[SynchronizationJobRestartScope.Full]  # type: ignore[arg-type]
        )
        await item.restart.post(restart.RestartPostRequestBody(criteria=criteria))
        await look()
        subject = SynchronizationJobSubject(object_id=UNKNOWN_GUID, object_type_name="User")
        parameters = SynchronizationJobApplicationParameters(rule_id="rule", subjects=[subject])
        result = await item.provision_on_demand.post(
            on_demand.ProvisionOnDemandPostRequestBody(parameters=[parameters])
        )
        assert result
        assert result.key
        assert json.loads(result.key)["result"] == "Success"
        await item.delete()
        return seen

    assert asyncio.run(with_sdk(emulator, use)) == [
        ("NotRun", "Disabled"),
        ("NotRun", "Active"),
        ("Active", "Active"),
        ("Paused", "Paused"),
        ("NotRun", "Active"),
    ]
    assert len(emulator.tenant.jobs("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)) == 1


def test_job_actions_have_qualified_names(emulator: Emulator, graph: httpx.Client) -> None:
    put_credentials(emulator, **PASSWORD)
    job = only_job(graph)
    for action, state in (("start", "Active"), ("pause", "Paused"), ("restart", "Active")):
        assert graph.post(f"{job}/microsoft.graph.{action}").status_code == 204
        assert status(graph)[1] == state
    demand = f"{job}/microsoft.graph.provisionOnDemand"
    assert graph.post(demand, json=SUBJECT).status_code == 200
    saved = {"useSavedCredentials": True}
    for owner in (job, JOBS):
        validate = f"{owner}/microsoft.graph.validateCredentials"
        assert graph.post(validate, json=saved).status_code == 204
