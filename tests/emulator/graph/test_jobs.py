"""Synchronization jobs and templates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
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
from entra_emulator.tenant.gallery import (
    NON_GALLERY_ID,
    OAUTH_TEMPLATE_ID,
    SCIM_TEMPLATE_ID,
    SIGN_ON_TEMPLATE_ID,
)
from entra_emulator.tenant.tenant import Tenant
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
from msgraph.generated.service_principals.item.synchronization.jobs.item.provision_on_demand import (  # noqa: E501
    provision_on_demand_post_request_body as on_demand,
)
from msgraph.generated.service_principals.item.synchronization.jobs.item.restart import (
    restart_post_request_body as restart,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    JOBS,
    PRINCIPAL,
    SECRETS,
    UNKNOWN_GUID,
    authorized,
    error,
    nested,
    with_roles,
    with_sdk,
)

PASSWORD = {"UserName": "admin", "Password": "p4ss"}


SUBJECT = {
    "parameters": [
        {"ruleId": "rule", "subjects": [{"objectId": UNKNOWN_GUID, "objectTypeName": "User"}]}
    ]
}


@pytest.fixture
def graph(emulator: Emulator) -> Iterator[httpx.Client]:
    with authorized(emulator) as client:
        yield client


def only_job(graph: httpx.Client) -> str:
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


def give(emulator: Emulator, **secrets: str) -> None:
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, secrets)


def run_cycle(emulator: Emulator) -> dict[str, Any]:
    (job,) = emulator.tenant.run_cycle(DEFAULT_SERVICE_PRINCIPAL_ID)
    return job


# Templates


@pytest.mark.parametrize(
    ("template", "tags", "oauth"),
    [
        (NON_GALLERY_ID, ["scim", "customappsso"], "False"),
        (SCIM_TEMPLATE_ID, ["contoso"], "False"),
        (OAUTH_TEMPLATE_ID, ["fabrikam"], "True"),
        (SIGN_ON_TEMPLATE_ID, [], None),
    ],
)
def test_the_templates_are_those_of_the_application_in_the_gallery(
    emulator: Emulator, graph: httpx.Client, template: str, tags: list[str], oauth: str | None
) -> None:
    made = emulator.tenant.instantiate(template, "Ours")
    for kind in ("application", "servicePrincipal"):
        path = f"/v1.0/{kind}s/{made[kind]['id']}/synchronization/templates"
        listed = graph.get(path).json()["value"]
        assert [item["id"] for item in listed] == tags
        for item in listed:
            metadata = {entry["key"]: entry["value"] for entry in item["metadata"]}
            assert metadata["IsOAuthEnabled"] == oauth
            assert graph.get(f"{path}/{item['id']}").json()["factoryTag"] == item["factoryTag"]
        assert error(graph.get(f"{path}/nothing"))[0] == 404
    jobs = f"/v1.0/servicePrincipals/{made['servicePrincipal']['id']}/synchronization/jobs"
    for tag in tags:
        assert graph.post(jobs, json={"templateId": tag}).status_code == 201
    assert nested(graph.post(jobs, json={"templateId": "slack"})) == (
        400,
        "UnknownError",
        "SynchronizationTemplateNotFound",
    )


def test_the_oauth_template_has_the_urls_of_its_third_party(
    emulator: Emulator, graph: httpx.Client
) -> None:
    made = emulator.tenant.instantiate(OAUTH_TEMPLATE_ID, "Ours")["servicePrincipal"]
    path = f"/v1.0/servicePrincipals/{made['id']}/synchronization/templates/fabrikam"
    metadata = {entry["key"]: entry["value"] for entry in graph.get(path).json()["metadata"]}
    settings = json.loads(metadata["OAuthSettings"])
    assert settings["tokenExchangeUri"] == f"{emulator.url}/third-party/fabrikam/token"
    assert settings["authorizationUri"] == f"{emulator.url}/third-party/fabrikam/authorize"


# A job's life


@pytest.mark.slow
def test_msgraph_sdk_takes_a_job_through_its_life(emulator: Emulator) -> None:
    give(emulator, **PASSWORD)

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
        told = await item.provision_on_demand.post(
            on_demand.ProvisionOnDemandPostRequestBody(parameters=[parameters])
        )
        assert told
        assert told.key
        assert json.loads(told.key)["result"] == "Success"
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


def test_a_job_is_created_as_documented_and_gone_when_it_is_deleted(graph: httpx.Client) -> None:
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


@pytest.mark.parametrize("body", [{}, {"templateId": 1}, {"templateId": "scim", "x": 1}, []])
def test_a_job_needs_the_id_of_its_template(graph: httpx.Client, body: Any) -> None:
    assert error(graph.post(JOBS, json=body))[:2] == (400, "Request_BadRequest")


def test_actions_have_qualified_names_too(emulator: Emulator, graph: httpx.Client) -> None:
    give(emulator, **PASSWORD)
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


def test_a_started_job_without_credentials_is_not_configured_until_there_are_some(
    emulator: Emulator, graph: httpx.Client
) -> None:
    assert graph.post(f"{only_job(graph)}/start").status_code == 204
    assert status(graph) == ("NotConfigured", "Active", None)
    assert run_cycle(emulator)["status"]["lastExecution"] is None
    give(emulator, **PASSWORD)
    assert status(graph) == ("NotRun", "Active", None)
    run_cycle(emulator)
    assert status(graph) == ("Active", "Active", None)
    give(emulator, UserName="", Password="")
    assert status(graph) == ("NotConfigured", "Active", None)


def test_a_paused_job_stays_paused_when_credentials_come(
    emulator: Emulator, graph: httpx.Client
) -> None:
    graph.post(f"{only_job(graph)}/pause")
    give(emulator, **PASSWORD)
    assert status(graph) == ("Paused", "Paused", None)
    assert run_cycle(emulator)["status"]["lastExecution"] is None


def test_a_cycle_with_refused_credentials_quarantines_and_a_good_one_heals(
    emulator: Emulator, graph: httpx.Client
) -> None:
    give(emulator, **PASSWORD)
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
    give(emulator, Password="an0ther")
    assert status(graph)[0] == "Quarantine"
    assert run_cycle(emulator)["status"]["countSuccessiveCompleteFailures"] == 0
    assert status(graph) == ("Active", "Active", None)


def test_a_quarantined_job_is_tried_ever_more_rarely() -> None:
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


QUARANTINED = ("Quarantine", "Active", "EncounteredQuarantineException")


def quarantine(emulator: Emulator, graph: httpx.Client) -> str:
    """The path of the only job, which has run well once and is in quarantine now."""
    give(emulator, **PASSWORD)
    job = only_job(graph)
    graph.post(f"{job}/start")
    run_cycle(emulator)
    emulator.tenant.third_party.revoke("p4ss")
    run_cycle(emulator)
    assert status(graph) == QUARANTINED
    return job


def test_starting_lifts_a_quarantine_and_pausing_keeps_it(
    emulator: Emulator, graph: httpx.Client
) -> None:
    job = quarantine(emulator, graph)
    graph.post(f"{job}/pause")
    assert status(graph) == ("Paused", "Paused", "EncounteredQuarantineException")
    graph.post(f"{job}/start")
    assert status(graph) == ("Active", "Active", None)


DISABLED = ("Quarantine", "Disabled", "EncounteredQuarantineException")


def disable(emulator: Emulator, graph: httpx.Client) -> str:
    """The path of the only job, which is disabled after four weeks in quarantine."""
    job = quarantine(emulator, graph)
    emulator.clock.advance(timedelta(weeks=4).total_seconds())
    graph.headers["Authorization"] = token(emulator)
    assert status(graph) == DISABLED
    return job


def token(emulator: Emulator) -> str:
    with authorized(emulator) as client:
        return client.headers["Authorization"]


def test_a_job_that_is_in_quarantine_for_four_weeks_is_disabled_and_runs_no_more(
    emulator: Emulator, graph: httpx.Client
) -> None:
    quarantine(emulator, graph)
    emulator.clock.advance(timedelta(weeks=4, minutes=-5).total_seconds())
    graph.headers["Authorization"] = token(emulator)
    assert status(graph) == QUARANTINED
    emulator.clock.advance(300)
    assert status(graph) == DISABLED
    before = graph.get(JOBS).json()["value"]
    give(emulator, Password="an0ther")
    assert [run_cycle(emulator)] == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("start", None),
        ("restart", {"criteria": {"resetScope": "QuarantineState"}}),
    ],
)
def test_a_disabled_job_is_brought_back(
    emulator: Emulator, graph: httpx.Client, path: str, body: Any
) -> None:
    job = disable(emulator, graph)
    assert graph.post(f"{job}/{path}", json=body).status_code == 204
    assert status(graph) == ("Active", "Active", None)
    give(emulator, Password="an0ther")
    assert run_cycle(emulator)["status"]["lastExecution"]["state"] == "Succeeded"


def test_a_restart_that_leaves_the_quarantine_gives_the_job_four_more_weeks(
    emulator: Emulator, graph: httpx.Client
) -> None:
    job = disable(emulator, graph)
    graph.post(f"{job}/restart", json={"criteria": {"resetScope": "Escrows"}})
    assert status(graph) == QUARANTINED
    run_cycle(emulator)
    assert status(graph) == QUARANTINED
    emulator.clock.advance(timedelta(weeks=4).total_seconds())
    graph.headers["Authorization"] = token(emulator)
    assert status(graph) == DISABLED


def test_a_paused_job_is_not_disabled(emulator: Emulator, graph: httpx.Client) -> None:
    graph.post(f"{quarantine(emulator, graph)}/pause")
    emulator.clock.advance(timedelta(weeks=5).total_seconds())
    graph.headers["Authorization"] = token(emulator)
    assert status(graph) == ("Paused", "Paused", "EncounteredQuarantineException")


def test_a_quarantine_that_began_long_ago_is_set_and_its_code_is_an_assumption() -> None:
    assumptions = Assumptions(status_when_disabled="Paused")
    for assumed, code in ((Assumptions(), "Quarantine"), (assumptions, "Paused")):
        with Emulator(assumptions=assumed) as emulator, authorized(emulator) as graph:
            give(emulator, **PASSWORD)
            for weeks, expected in ((3, QUARANTINED), (4, (code, *DISABLED[1:]))):
                emulator.tenant.set_job_status(
                    DEFAULT_SERVICE_PRINCIPAL_ID,
                    "Quarantine",
                    reason="EncounteredQuarantineException",
                    began=datetime.now(timezone.utc) - timedelta(weeks=weeks),
                )
                assert status(graph) == expected


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
def test_what_a_restart_resets_is_what_its_scopes_say(
    emulator: Emulator, graph: httpx.Client, body: Any, expected: tuple[str, str, str | None]
) -> None:
    job = quarantine(emulator, graph)
    options = {} if body is None else {"json": body}
    assert graph.post(f"{job}/restart", **options).status_code == 204
    assert status(graph) == expected


def test_that_a_restart_forgets_the_first_run_is_an_assumption() -> None:
    assumptions = Assumptions(restart_forgets_the_first_run=False)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        assert graph.post(f"{quarantine(emulator, graph)}/restart").status_code == 204
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
def test_a_restart_with_criteria_that_are_none_is_refused(
    graph: httpx.Client, body: Any, answer: str | None
) -> None:
    refused = graph.post(f"{only_job(graph)}/restart", json=body)
    if answer is None:
        assert error(refused)[:2] == (400, "Request_BadRequest")
    else:
        assert nested(refused) == (400, "UnknownError", answer)


# provisionOnDemand


def test_an_object_is_provisioned_on_demand_with_a_result_of_two_texts(
    emulator: Emulator, graph: httpx.Client
) -> None:
    give(emulator, **PASSWORD)
    answer = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT)
    assert answer.status_code == 200
    told = answer.json()
    assert told["@odata.context"].endswith("#microsoft.graph.stringKeyStringValuePair")
    assert json.loads(told["key"]) == {"result": "Success", "details": {}}
    assert json.loads(told["value"])["sourceIdentity"] == {"id": UNKNOWN_GUID, "type": "User"}
    emulator.tenant.third_party.revoke("p4ss")
    told = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT).json()
    assert json.loads(told["key"])["result"] == "Failure"


def test_nothing_is_provisioned_on_demand_without_credentials(graph: httpx.Client) -> None:
    refused = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT)
    assert nested(refused) == (400, "UnknownError", "SynchronizationJobNotConfigured")


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
def test_a_demand_of_another_shape_is_a_bad_request(
    emulator: Emulator, graph: httpx.Client, body: Any
) -> None:
    give(emulator, **PASSWORD)
    refused = graph.post(f"{only_job(graph)}/provisionOnDemand", json=body)
    assert error(refused)[:2] == (400, "Request_BadRequest")


# validateCredentials


def pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def test_given_credentials_are_validated_and_not_kept(
    emulator: Emulator, graph: httpx.Client
) -> None:
    given = {"useSavedCredentials": False, "credentials": pairs(**PASSWORD), "templateId": "scim"}
    for owner in (only_job(graph), JOBS):
        assert graph.post(f"{owner}/validateCredentials", json=given).status_code == 204
    assert graph.get(SECRETS).json()["value"] == []
    emulator.tenant.third_party.revoke("p4ss")
    for owner in (only_job(graph), JOBS):
        assert nested(graph.post(f"{owner}/validateCredentials", json=given)) == (
            400,
            "InvalidCredentials",
            "SystemForCrossDomainIdentityManagementCredentialValidationFailure",
        )


def test_saved_credentials_are_validated_whatever_was_given(
    emulator: Emulator, graph: httpx.Client
) -> None:
    body = {"useSavedCredentials": True, "credentials": pairs(Password="an0ther")}
    assert nested(graph.post(f"{JOBS}/validateCredentials", json=body))[1] == "InvalidCredentials"
    give(emulator, **PASSWORD)
    assert graph.post(f"{JOBS}/validateCredentials", json=body).status_code == 204
    emulator.tenant.third_party.revoke("an0ther")
    assert graph.post(f"{JOBS}/validateCredentials", json=body).status_code == 204


def test_a_bearer_token_is_validated_at_the_third_party(
    emulator: Emulator, graph: httpx.Client
) -> None:
    party = emulator.tenant.third_party
    token = party.issue_token()

    def validate(address: str, token: str) -> httpx.Response:
        body = {"credentials": pairs(BaseAddress=address, SecretToken=token)}
        return graph.post(f"{JOBS}/validateCredentials", json=body)

    assert validate(party.scim_url, token).status_code == 204
    assert nested(validate(party.scim_url, "another"))[1] == "InvalidCredentials"
    assert nested(validate(f"{emulator.url}/elsewhere", token)) == (
        400,
        "CredentialValidationUnavailable",
        "SystemForCrossDomainIdentityManagementServiceIncompatible",
    )
    party.revoke(token)
    assert nested(validate(party.scim_url, token))[1] == "InvalidCredentials"
    expired = party.issue_token(expires_in=-1)
    assert nested(validate(party.scim_url, expired))[1] == "InvalidCredentials"


def test_that_foreign_credentials_are_valid_is_an_assumption() -> None:
    assumptions = Assumptions(foreign_credentials_are_valid=False)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        body = {"credentials": pairs(**PASSWORD)}
        assert nested(graph.post(f"{JOBS}/validateCredentials", json=body)) == (
            400,
            "CredentialValidationUnavailable",
            "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
        )


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
def test_a_validation_of_another_shape_is_a_bad_request(graph: httpx.Client, body: Any) -> None:
    refused = graph.post(f"{JOBS}/validateCredentials", json=body)
    assert error(refused)[:2] == (400, "Request_BadRequest")


def test_a_validation_of_what_is_not_there_is_refused(graph: httpx.Client) -> None:
    body = {"credentials": pairs(**PASSWORD)}
    assert error(graph.post(f"{JOBS}/scim.nothing/validateCredentials", json=body))[0] == 404
    unknown = {**body, "templateId": "slack"}
    refused = nested(graph.post(f"{JOBS}/validateCredentials", json=unknown))
    assert refused[2] == "SynchronizationTemplateNotFound"
    wrong_case = {"credentials": pairs(userName="x")}
    assert error(graph.post(f"{JOBS}/validateCredentials", json=wrong_case))[0] == 500


# Who may, and what is kept


def test_a_reader_can_read_jobs_and_templates_but_change_none(emulator: Emulator) -> None:
    with with_roles(emulator, "Synchronization.Read.All") as caller:
        job = only_job(caller)
        assert caller.get(f"{PRINCIPAL}/synchronization/templates").status_code == 200
        for refused in (
            caller.post(JOBS, json={"templateId": "scim"}),
            caller.post(f"{job}/start"),
            caller.post(f"{job}/provisionOnDemand", json=SUBJECT),
            caller.post(f"{JOBS}/validateCredentials", json={"useSavedCredentials": True}),
            caller.delete(job),
        ):
            assert error(refused) == (401, "UnknownError", "")


def test_a_jobs_history_survives_in_the_state_file(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator, authorized(emulator) as graph:
        quarantine(emulator, graph)
        before = graph.get(JOBS).json()["value"]
    with Emulator(state=file) as emulator, authorized(emulator) as graph:
        assert graph.get(JOBS).json()["value"] == before
        assert run_cycle(emulator)["status"]["quarantine"]["seriesCount"] == 2


APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


def test_msgraph_sdk_sees_the_job_configured_by_the_authorization(emulator: Emulator) -> None:
    async def statuses(graph: GraphServiceClient) -> tuple[str, str]:
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        jobs = await principal.synchronization.jobs.get()
        assert jobs
        assert jobs.value
        (listed,) = jobs.value
        assert listed.id
        assert listed.status
        assert listed.status.code
        job = await principal.synchronization.jobs.by_synchronization_job_id(listed.id).get()
        assert job
        assert job.template_id == "scim"
        assert job.status
        assert job.status.code
        return str(listed.status.code.value), str(job.status.code.value)

    assert asyncio.run(with_sdk(emulator, statuses)) == ("NotConfigured", "NotConfigured")
    emulator.tenant.acquire_access_token(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, {"UserName": "x"}
    )
    assert asyncio.run(with_sdk(emulator, statuses)) == ("NotRun", "NotRun")


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


@pytest.mark.parametrize(("lifts", "code"), [(False, "Quarantine"), (True, "NotRun")])
def test_whether_authorizing_lifts_a_quarantine_is_an_assumption(lifts: bool, code: str) -> None:
    with Emulator(assumptions=Assumptions(authorization_lifts_quarantine=lifts)) as emulator:
        tenant = emulator.tenant
        tenant.set_job_status(
            DEFAULT_SERVICE_PRINCIPAL_ID, "Quarantine", reason="EncounteredQuarantineException"
        )
        tenant.acquire_access_token(
            "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, {"UserName": "x"}
        )
        (job,) = tenant.jobs("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert job["status"]["code"] == code
    assert (job["status"]["quarantine"] is None) == lifts


def test_a_job_can_be_added_and_an_unknown_one_is_not_found(emulator: Emulator) -> None:
    job = emulator.tenant.create_job(DEFAULT_SERVICE_PRINCIPAL_ID, "scim")
    with authorized(emulator) as client:
        assert client.get(f"{JOBS}/{job['id']}").json()["templateId"] == "scim"
        assert len(client.get(JOBS).json()["value"]) == 2
        assert error(client.get(f"{JOBS}/scim.nothing"))[0] == 404
        assert client.get(f"{APPLICATION}/synchronization/jobs").json()["value"] == []
