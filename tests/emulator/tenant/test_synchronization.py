"""Authorizing, saving secrets, validating credentials and provisioning on demand."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from msgraph.generated.applications.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_application,
)
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_service_principal,
)
from msgraph.generated.service_principals.item.synchronization.secrets import (
    secrets_put_request_body,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    SECRETS,
    TOKEN,
    UNKNOWN_GUID,
    authorized,
    credentials,
    error,
    kept_by,
    nested,
    pair,
    sdk_pairs,
    spent,
    with_sdk,
)
from support.jobs import PASSWORD, SUBJECT, only_job, pairs, put_credentials

APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


def test_msgraph_sdk_authorizes_an_application_and_a_service_principal(emulator: Emulator) -> None:
    pairs = sdk_pairs(Oauth2ClientId="client", Oauth2AuthorizationCode=PLANTED)

    async def use(graph: GraphServiceClient) -> None:
        application = graph.applications.by_application_id(DEFAULT_APPLICATION_ID)
        await application.synchronization.acquire_access_token.post(
            of_application.AcquireAccessTokenPostRequestBody(credentials=pairs[:1])
        )
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        await principal.synchronization.acquire_access_token.post(
            of_service_principal.AcquireAccessTokenPostRequestBody(credentials=pairs)
        )

    asyncio.run(with_sdk(emulator, use))
    calls = emulator.journal.select("POST", "*/acquireAccessToken")
    assert [(call.path, call.status) for call in calls] == [
        (f"{APPLICATION}/synchronization/acquireAccessToken", 204),
        (ACQUIRE, 204),
    ]
    assert len(emulator.journal.select("POST", TOKEN)) == 1
    kept = kept_by(emulator)
    assert list(kept) == [
        "Oauth2ClientId",
        "Oauth2AccessToken",
        "Oauth2AccessTokenCreationTime",
        "Oauth2RefreshToken",
    ]
    assert kept["Oauth2ClientId"] == "client"
    assert PLANTED not in kept.values()
    assert len(emulator.tenant.authorizations()) == 2


def test_an_authorization_code_works_once_for_all_targets(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        body = credentials("Oauth2AuthorizationCode", "Oauth2ClientId")
        assert client.post(ACQUIRE, json=body).status_code == 204
        assert spent(client.post(ACQUIRE, json=body)) == "Oauth2AuthorizationCodeInvalid"
        on_application = f"{APPLICATION}/synchronization/acquireAccessToken"
        assert spent(client.post(on_application, json=body)) == "Oauth2AuthorizationCodeInvalid"
        fresh = {"credentials": [pair("Oauth2AuthorizationCode", "another")]}
        assert client.post(ACQUIRE, json=fresh).status_code == 204


def test_a_refused_call_spends_no_code_and_saves_nothing(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        wrong = credentials("Oauth2AuthorizationCode", "Oauth2ClientId", "oauth2clientid")
        assert client.post(ACQUIRE, json=wrong).status_code == 500
        assert kept_by(emulator) == {}
        right = credentials("Oauth2AuthorizationCode", "Oauth2ClientId")
        assert client.post(ACQUIRE, json=right).status_code == 204


def test_assumptions_about_the_code_can_be_changed() -> None:
    assumptions = Assumptions(authorization_code_works_once=False, stores_authorization_code=True)
    with Emulator(assumptions=assumptions) as emulator:
        for _ in range(2):
            emulator.tenant.acquire_access_token(
                "applications", DEFAULT_APPLICATION_ID, {"Oauth2AuthorizationCode": "code"}
            )
        kept = emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID)
    assert kept["Oauth2AuthorizationCode"] == "code"


def test_credentials_without_oauth_are_saved_and_obtain_no_token(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        client.post(ACQUIRE, json=credentials("BaseAddress", "SecretToken"))
    kept = kept_by(emulator)
    assert kept == {"BaseAddress": PLANTED, "SecretToken": PLANTED}


def test_each_authorization_obtains_new_tokens(emulator: Emulator) -> None:
    seen = set()
    with authorized(emulator) as client:
        for _ in range(2):
            client.post(ACQUIRE, json=credentials("Oauth2ClientId"))
            kept = kept_by(emulator)
            seen.add(kept["Oauth2AccessToken"])
    assert len(seen) == 2


def test_an_authorization_configures_the_job(emulator: Emulator) -> None:
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


@pytest.mark.parametrize(("lifts", "code"), [(False, "Quarantine"), (True, "NotRun")])
def test_whether_an_authorization_ends_a_quarantine_is_an_assumption(
    lifts: bool, code: str
) -> None:
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


def test_msgraph_sdk_puts_secrets_and_they_come_back_masked_in_order(emulator: Emulator) -> None:
    async def use(graph: GraphServiceClient) -> None:
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        await principal.synchronization.secrets.put(
            secrets_put_request_body.SecretsPutRequestBody(
                value=sdk_pairs(
                    SecretToken=PLANTED, BaseAddress="https://scim.example", SyncAll="false"
                )
            )
        )

    asyncio.run(with_sdk(emulator, use))
    with authorized(emulator) as client:
        answer = client.get(SECRETS)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["value"] == [
        {"key": "SecretToken", "value": "*"},
        {"key": "BaseAddress", "value": "https://scim.example"},
        {"key": "SyncAll", "value": "false"},
    ]
    kept = kept_by(emulator)
    assert kept["SecretToken"] == PLANTED


def test_put_keeps_other_keys_and_empties_those_without_a_value(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        client.put(SECRETS, json={"value": [pair("UserName"), pair("Password"), pair("Domain")]})
        changed = [pair("UserName", ""), pair("Password", None), pair("Url", "u")]
        assert client.put(SECRETS, json={"value": changed}).status_code == 204
    kept = kept_by(emulator)
    assert kept == {"Domain": PLANTED, "Url": "u"}


def test_whether_put_merges_is_an_assumption() -> None:
    with Emulator(assumptions=Assumptions(put_merges=False)) as emulator:
        for key in ("UserName", "Password"):
            emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {key: "x"})
        kept = emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID)
    assert kept == {"Password": "x"}


def test_emptying_the_notification_settings_fails_and_changes_nothing(
    emulator: Emulator,
) -> None:
    with authorized(emulator) as client:
        before = [pair("SyncNotificationSettings", "{}"), pair("UserName")]
        client.put(SECRETS, json={"value": before})
        emptied = [pair("UserName", ""), pair("SyncNotificationSettings", "")]
        answer = client.put(SECRETS, json={"value": emptied})
    assert spent(answer) == "InvalidNotificationSettings"
    kept = kept_by(emulator)
    assert kept == {"SyncNotificationSettings": "{}", "UserName": PLANTED}


def test_a_target_without_credentials_is_no_longer_authorized(emulator: Emulator) -> None:
    tenant = emulator.tenant
    id = DEFAULT_SERVICE_PRINCIPAL_ID
    pairs = {"UserName": "x", "SyncAll": "true"}
    tenant.acquire_access_token("servicePrincipals", id, pairs)
    (authorization,) = tenant.authorizations()
    assert (authorization.display_name, authorization.keys) == (
        "Contoso Sales",
        ("UserName", "SyncAll"),
    )
    tenant.put_secrets("servicePrincipals", id, {"UserName": ""})
    assert tenant.authorizations() == []
    assert tenant.jobs("servicePrincipals", id)[0]["status"]["code"] == "NotConfigured"


def test_provision_on_demand_returns_its_result_as_two_json_texts(
    emulator: Emulator, graph: httpx.Client
) -> None:
    put_credentials(emulator, **PASSWORD)
    answer = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT)
    assert answer.status_code == 200
    result = answer.json()
    assert result["@odata.context"].endswith("#microsoft.graph.stringKeyStringValuePair")
    assert json.loads(result["key"]) == {"result": "Success", "details": {}}
    assert json.loads(result["value"])["sourceIdentity"] == {"id": UNKNOWN_GUID, "type": "User"}
    emulator.tenant.third_party.revoke("p4ss")
    result = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT).json()
    assert json.loads(result["key"])["result"] == "Failure"


def test_provision_on_demand_fails_without_credentials(graph: httpx.Client) -> None:
    refused = graph.post(f"{only_job(graph)}/provisionOnDemand", json=SUBJECT)
    assert nested(refused) == (400, "UnknownError", "SynchronizationJobNotConfigured")


def test_validate_credentials_does_not_save_what_it_is_given(
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


def test_use_saved_credentials_ignores_the_given_ones(
    emulator: Emulator, graph: httpx.Client
) -> None:
    body = {"useSavedCredentials": True, "credentials": pairs(Password="an0ther")}
    assert nested(graph.post(f"{JOBS}/validateCredentials", json=body))[1] == "InvalidCredentials"
    put_credentials(emulator, **PASSWORD)
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


def test_whether_foreign_credentials_are_valid_is_an_assumption() -> None:
    assumptions = Assumptions(foreign_credentials_are_valid=False)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        body = {"credentials": pairs(**PASSWORD)}
        assert nested(graph.post(f"{JOBS}/validateCredentials", json=body)) == (
            400,
            "CredentialValidationUnavailable",
            "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
        )


def test_validate_credentials_refuses_an_unknown_job_template_or_key(graph: httpx.Client) -> None:
    body = {"credentials": pairs(**PASSWORD)}
    assert error(graph.post(f"{JOBS}/scim.nothing/validateCredentials", json=body))[0] == 404
    unknown = {**body, "templateId": "slack"}
    refused = nested(graph.post(f"{JOBS}/validateCredentials", json=unknown))
    assert refused[2] == "SynchronizationTemplateNotFound"
    wrong_case = {"credentials": pairs(userName="x")}
    assert error(graph.post(f"{JOBS}/validateCredentials", json=wrong_case))[0] == 500
