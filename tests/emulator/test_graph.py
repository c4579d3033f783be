from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
    Assumptions,
    ClientSecret,
    Emulator,
    Fault,
    GraphError,
)
from msgraph.generated.applications.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_application,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.models.synchronization_secret_key_string_value_pair import (
    SynchronizationSecretKeyStringValuePair,
)
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_service_principal,
)
from msgraph.generated.service_principals.item.synchronization.secrets import (
    secrets_put_request_body,
)
from msgraph.graph_service_client import GraphServiceClient
from pulumi_entra_provisioning.identity.lookup import SETTINGS_FROM_ENVIRONMENT
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    UNKNOWN_GUID,
    Certificate,
    anonymous,
    authorized,
    error,
    scope,
    secret_credential,
    token_form,
    with_roles,
    with_sdk,
)

APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """An emulator for tests that leave nothing behind in the tenant."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def graph(untouched: Emulator) -> Iterator[httpx.Client]:
    with authorized(untouched) as client:
        yield client


def pair(key: str, value: str | None = PLANTED) -> dict[str, str | None]:
    return {"key": key, "value": value}


def credentials(*keys: str) -> dict[str, Any]:
    return {"credentials": [pair(key) for key in keys]}


def kept_by(emulator: Emulator) -> dict[str, str]:
    """What the tenant holds for the service principal that most tests call."""
    return emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)


# Microsoft's own generated enumeration. Its members' values are text, though typed otherwise.
KEYS = [str(member.value) for member in SynchronizationSecret]


# Who may call Graph


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Access token is empty."),
        ("Bearer", "Access token is empty."),
        ("Basic dXNlcjpwYXNz", "Access token is empty."),
        ("Bearer nonsense", "IDX14100: JWT is not well formed, there are no dots (.)."),
        ("Bearer a.b.c", "Access token validation failure."),
    ],
)
def test_a_call_without_a_token_of_this_authority_is_refused(
    untouched: Emulator, header: str | None, message: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    with anonymous(untouched) as client:
        answer = client.get(SECRETS, headers=headers)
    assert error(answer) == (401, "InvalidAuthenticationToken", message)
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("audience", "lifetime", "message"),
    [
        ("https://graph.microsoft.com", -1, "Access token has expired or is not yet valid."),
        (
            "https://management.azure.com",
            60,
            "Access token validation failure. Invalid audience.",
        ),
    ],
)
def test_a_token_that_is_expired_or_for_somebody_else_is_refused(
    untouched: Emulator, audience: str, lifetime: int, message: str
) -> None:
    client = untouched.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    token = untouched.authority.issue(client, audience, lifetime=lifetime)
    assert error(authorized(untouched, token).get(SECRETS)) == (
        401,
        "InvalidAuthenticationToken",
        message,
    )


def test_a_token_of_another_authority_is_refused(untouched: Emulator, emulator: Emulator) -> None:
    token = secret_credential(untouched).get_token("https://graph.microsoft.com/.default").token
    answer = authorized(emulator, token).get(SECRETS)
    assert error(answer)[:2] == (401, "InvalidAuthenticationToken")


def test_a_token_lasts_as_long_as_assumed() -> None:
    with (
        Emulator(assumptions=Assumptions(token_lifetime=1)) as emulator,
        anonymous(emulator) as http,
    ):
        answer = http.post(TOKEN, data=token_form(emulator)).json()
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert answer["expires_in"] == 1
        assert http.get(SECRETS, headers=bearer).status_code == 200
        time.sleep(1.1)
        assert "expired" in error(http.get(SECRETS, headers=bearer))[2]


EMPTY_401 = (401, "UnknownError", "")
DENIED = (
    403,
    "Authorization_RequestDenied",
    "Insufficient privileges to complete the operation.",
)


def test_a_caller_without_roles_gets_the_empty_401_or_is_denied(emulator: Emulator) -> None:
    with with_roles(emulator, "User.Read.All") as caller:
        assert error(caller.post(ACQUIRE, json=credentials("UserName"))) == EMPTY_401
        assert error(caller.put(SECRETS, json={"value": [pair("UserName")]})) == EMPTY_401
        assert error(caller.get(SECRETS)) == EMPTY_401
        assert error(caller.get(JOBS)) == EMPTY_401
        assert error(caller.get(PRINCIPAL)) == DENIED
        assert error(caller.delete(PRINCIPAL)) == DENIED
        assert error(caller.post("/v1.0/applications", json={"displayName": "x"})) == DENIED
    assert kept_by(emulator) == {}


@pytest.mark.parametrize("role", ["Application.ReadWrite.All", "Synchronization.ReadWrite.All"])
def test_each_documented_role_may_authorize(emulator: Emulator, role: str) -> None:
    with with_roles(emulator, role) as caller:
        assert caller.post(ACQUIRE, json=credentials("UserName")).status_code == 204


def test_a_reader_may_read_and_not_write(emulator: Emulator) -> None:
    with with_roles(emulator, "Synchronization.Read.All", "Application.Read.All") as caller:
        assert caller.get(SECRETS).status_code == caller.get(PRINCIPAL).status_code == 200
        assert error(caller.post(ACQUIRE, json=credentials("UserName"))) == EMPTY_401
        assert error(caller.delete(PRINCIPAL)) == DENIED


def test_what_a_missing_permission_looks_like_is_an_assumption() -> None:
    default = Assumptions().missing_synchronization_permission
    assumptions = Assumptions(
        missing_synchronization_permission=default._replace(status=403, code="Forbidden")
    )
    with Emulator(assumptions=assumptions) as emulator, with_roles(emulator) as caller:
        assert error(caller.get(SECRETS)) == (403, "Forbidden", "")


# acquireAccessToken


def sdk_pairs(**values: str) -> list[SynchronizationSecretKeyStringValuePair]:
    return [
        SynchronizationSecretKeyStringValuePair(
            odata_type="#microsoft.graph.synchronizationSecretKeyStringValuePair",
            key=SynchronizationSecret(key),
            value=value,
        )
        for key, value in values.items()
    ]


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


def test_msgraph_sdk_reads_the_error_of_a_target_that_is_not_there(untouched: Emulator) -> None:
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


def test_success_has_no_body_and_the_ids_of_the_call(emulator: Emulator) -> None:
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


def test_the_action_has_a_qualified_name_too_on_both_kinds(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        for target in (APPLICATION, PRINCIPAL):
            path = f"{target}/synchronization/microsoft.graph.acquireAccessToken"
            assert client.post(path, json=credentials("UserName")).status_code == 204
    assert emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID) == {"UserName": PLANTED}


@pytest.mark.parametrize("sign", ["", "#"])
def test_the_type_of_a_pair_may_be_told(emulator: Emulator, sign: str) -> None:
    told = {"@odata.type": f"{sign}microsoft.graph.synchronizationSecretKeyStringValuePair"}
    with authorized(emulator) as client:
        answer = client.post(ACQUIRE, json={"credentials": [told | pair("UserName")]})
    assert answer.status_code == 204


def test_every_member_of_the_enumeration_is_a_key(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        answer = client.post(ACQUIRE, json=credentials(*KEYS))
    assert answer.status_code == 204
    kept = kept_by(emulator)
    assert kept.keys() == set(KEYS) - {"Oauth2AuthorizationCode"}


@pytest.mark.parametrize("key", ["baseAddress", "TenantId", "", "ü"])
def test_a_key_that_is_none_in_this_very_case_is_the_servers_500(
    untouched: Emulator, graph: httpx.Client, key: str
) -> None:
    expected = (500, "InternalError", f"Requested value '{key}' was not found.")
    assert error(graph.post(ACQUIRE, json=credentials("UserName", key))) == expected
    assert error(graph.put(SECRETS, json={"value": [pair(key)]})) == expected
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
def test_a_body_of_another_shape_is_a_bad_request(graph: httpx.Client, body: Any) -> None:
    assert error(graph.post(ACQUIRE, json=body))[:2] == (400, "Request_BadRequest")


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
def test_a_body_that_is_no_json_is_a_bad_request(graph: httpx.Client, content: bytes) -> None:
    answer = graph.post(ACQUIRE, content=content, headers={"content-type": "application/json"})
    assert error(answer)[:2] == (400, "BadRequest")
    assert error(graph.post(ACQUIRE, json={}))[0] == 400


def test_a_body_may_be_compressed(emulator: Emulator) -> None:
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
def test_a_body_that_is_no_gzip_or_grows_too_large_is_refused(
    graph: httpx.Client, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert error(graph.post(ACQUIRE, content=content, headers=headers))[0] == status
    assert graph.get(SECRETS).status_code == 200


def test_json_under_another_name_is_refused(graph: httpx.Client) -> None:
    answer = graph.post(ACQUIRE, content=b"{}", headers={"content-type": "text/plain"})
    assert error(answer)[2] == "Entity only allows writes with a JSON Content-Type header."


@pytest.mark.parametrize("id", ["test", DEFAULT_APP_ID[:-1], "..%2e", "%00"])
def test_an_id_that_is_no_guid_is_a_bad_request(graph: httpx.Client, id: str) -> None:
    path = f"/v1.0/servicePrincipals/{id}/synchronization/acquireAccessToken"
    status, code, message = error(graph.post(path, json=credentials("UserName")))
    assert (status, code) == (400, "Request_BadRequest")
    assert message.startswith("Invalid object identifier '")


@pytest.mark.parametrize("id", [UNKNOWN_GUID, DEFAULT_APP_ID, DEFAULT_APPLICATION_ID])
def test_an_object_id_that_is_not_there_is_not_found(graph: httpx.Client, id: str) -> None:
    expected = (
        404,
        "Request_ResourceNotFound",
        f"Resource '{id}' does not exist or one of its queried reference-property objects are not"
        " present.",
    )
    path = f"/v1.0/servicePrincipals/{id}"
    assert error(
        graph.post(f"{path}/synchronization/acquireAccessToken", json=credentials("Url"))
    ) == (expected)
    assert error(graph.get(f"{path}/synchronization/secrets")) == expected
    assert error(graph.get(path)) == expected


def test_an_object_id_may_be_written_in_capitals(graph: httpx.Client) -> None:
    path = f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID.upper()}"
    assert graph.get(path).json()["id"] == DEFAULT_SERVICE_PRINCIPAL_ID


def spent(answer: httpx.Response) -> str:
    status, code, message = error(answer)
    assert (status, code) == (400, "UnknownError")
    inner: str = json.loads(message)["error"]["code"]
    return inner


def test_an_authorization_code_works_once_whatever_the_target(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        body = credentials("Oauth2AuthorizationCode", "Oauth2ClientId")
        assert client.post(ACQUIRE, json=body).status_code == 204
        assert spent(client.post(ACQUIRE, json=body)) == "Oauth2AuthorizationCodeInvalid"
        on_application = f"{APPLICATION}/synchronization/acquireAccessToken"
        assert spent(client.post(on_application, json=body)) == "Oauth2AuthorizationCodeInvalid"
        fresh = {"credentials": [pair("Oauth2AuthorizationCode", "another")]}
        assert client.post(ACQUIRE, json=fresh).status_code == 204


def test_a_refused_call_spends_no_code_and_keeps_nothing(emulator: Emulator) -> None:
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


def test_credentials_without_oauth_are_kept_and_obtain_nothing(emulator: Emulator) -> None:
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


# Secrets


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


def test_put_leaves_the_other_keys_and_empties_those_with_no_value(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        client.put(SECRETS, json={"value": [pair("UserName"), pair("Password"), pair("Domain")]})
        changed = [pair("UserName", ""), pair("Password", None), pair("Url", "u")]
        assert client.put(SECRETS, json={"value": changed}).status_code == 204
    kept = kept_by(emulator)
    assert kept == {"Domain": PLANTED, "Url": "u"}


def test_that_put_merges_is_an_assumption() -> None:
    with Emulator(assumptions=Assumptions(put_merges=False)) as emulator:
        for key in ("UserName", "Password"):
            emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {key: "x"})
        kept = emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID)
    assert kept == {"Password": "x"}


def test_the_notification_settings_cannot_be_emptied_and_nothing_else_changes(
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


# Jobs


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


# Directory


def test_an_application_and_its_service_principal_live_and_die(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        created = client.post("/v1.0/applications", json={"displayName": "Fabrikam"})
        assert created.status_code == 201
        application = created.json()
        made = client.post("/v1.0/servicePrincipals", json={"appId": application["appId"]})
        assert made.status_code == 201
        principal = made.json()
        assert principal["displayName"] == "Fabrikam"
        assert principal["id"] != application["id"]
        path = f"/v1.0/servicePrincipals/{principal['id']}"
        assert client.get(path).json() == principal
        secrets = {"value": [pair("UserName")]}
        assert client.put(f"{path}/synchronization/secrets", json=secrets).status_code == 204
        assert client.delete(path).status_code == 204
        for gone in (
            client.get(path),
            client.delete(path),
            client.get(f"{path}/synchronization/jobs"),
        ):
            assert error(gone)[:2] == (404, "Request_ResourceNotFound")


def test_objects_are_found_by_app_id_and_shortened_by_select(emulator: Emulator) -> None:
    emulator.tenant.create_application("Fabrikam")
    with authorized(emulator) as client:
        query = {"$filter": f"appId eq '{DEFAULT_APP_ID}'", "$select": "id,displayName"}
        listed = client.get("/v1.0/applications", params=query).json()
        assert listed["value"] == [{"id": DEFAULT_APPLICATION_ID, "displayName": "Contoso Sales"}]
        assert len(client.get("/v1.0/applications").json()["value"]) == 2
        named = client.get("/v1.0/applications", params={"$filter": "displayName eq 'Fabrikam'"})
        assert [item["displayName"] for item in named.json()["value"]] == ["Fabrikam"]
        one = client.get(PRINCIPAL, params={"$select": "appId"}).json()
        assert {name for name in one if not name.startswith("@")} == {"appId"}


def test_a_service_principal_needs_an_application_and_is_the_only_one(graph: httpx.Client) -> None:
    missing = graph.post("/v1.0/servicePrincipals", json={"appId": UNKNOWN_GUID})
    assert error(missing)[0] == 400
    assert "does not reference a valid application object" in error(missing)[2]
    again = graph.post("/v1.0/servicePrincipals", json={"appId": DEFAULT_APP_ID})
    assert error(again)[:2] == (409, "Request_MultipleObjectsWithSameKeyValue")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("applications", {}),
        ("applications", {"displayName": ""}),
        ("applications", {"displayName": 1}),
        ("applications", {"displayName": "x", "colour": "red"}),
        ("servicePrincipals", {"displayName": "x"}),
    ],
)
def test_an_object_that_graph_could_not_create_is_refused(
    graph: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    assert error(graph.post(f"/v1.0/{path}", json=body))[:2] == (400, "Request_BadRequest")


def test_the_tenant_says_the_same_without_http(emulator: Emulator) -> None:
    application = emulator.tenant.create_application("Fabrikam")
    principal = emulator.tenant.create_service_principal(application["appId"])
    emulator.tenant.delete("servicePrincipals", principal["id"])
    with pytest.raises(GraphError, match="404 Request_ResourceNotFound"):
        emulator.tenant.secrets("servicePrincipals", principal["id"])


# What the emulator does not know, and what it must survive


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/users",
        "/beta/applications",
        f"{PRINCIPAL}/synchronization",
        f"{PRINCIPAL}/appRoleAssignments",
        f"{JOBS}/scim/schema",
        f"{PRINCIPAL}/",
        "/v1.0/../../etc/passwd",
        f"/v1.0/servicePrincipals/%2e%2e%2f{DEFAULT_APPLICATION_ID}",
    ],
)
def test_a_path_that_it_does_not_know_is_501_and_says_so(graph: httpx.Client, path: str) -> None:
    status, code, message = error(graph.get(path))
    assert (status, code) == (501, "NotImplemented")
    assert message.startswith("The emulator does not know the path '/")


@pytest.mark.parametrize("query", [{"$orderby": "id"}, {"$filter": "displayName ge 'a'"}])
def test_a_query_that_it_does_not_know_is_501_and_says_so(
    graph: httpx.Client, query: dict[str, str]
) -> None:
    answer = graph.get("/v1.0/applications", params=query)
    assert error(answer)[0] == 501
    assert next(iter(query)) in error(answer)[2]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ACQUIRE), ("DELETE", SECRETS), ("PATCH", JOBS), ("GET", TOKEN)]
)
def test_a_method_that_a_path_has_not_is_405(graph: httpx.Client, method: str, path: str) -> None:
    answer = graph.request(method, path)
    assert error(answer) == (
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
    )
    assert answer.headers["x-ms-resource-unit"] == "1"


def test_an_error_carries_the_ids_of_the_call_in_its_body(graph: httpx.Client) -> None:
    sent = str(uuid4())
    with_id = graph.get("/v1.0/users", headers={"client-request-id": sent})
    inner = with_id.json()["error"]["innerError"]
    assert inner["request-id"] == with_id.headers["request-id"]
    assert inner["client-request-id"] == with_id.headers["client-request-id"] == sent
    assert datetime.strptime(inner["date"], "%Y-%m-%dT%H:%M:%S")
    for headers in ({}, {"client-request-id": PLANTED}):
        without = graph.get("/v1.0/users", headers=headers)
        inner = without.json()["error"]["innerError"]
        assert inner["client-request-id"] == inner["request-id"]


def test_a_body_of_more_than_a_mebibyte_is_413_and_the_server_lives(graph: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    assert error(graph.post(ACQUIRE, content=b"x" * (2 << 20)))[0] == 413
    assert error(graph.post(ACQUIRE, content=chunks()))[0] == 413
    assert graph.get(SECRETS).status_code == 200


def test_the_clouds_metadata_point_at_the_emulator_without_a_token(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        answer = client.get("/metadata/endpoints", params={"api-version": "2022-09-01"})
        other = client.get("/metadata/endpoints", params={"api-version": "2019-05-01"})
    endpoints = answer.json()
    assert endpoints["authentication"]["loginEndpoint"] == untouched.url
    assert endpoints["microsoftGraphResourceId"] == endpoints["resourceManager"] == untouched.url
    assert error(other)[:2] == (501, "NotImplemented")


def test_a_crash_is_a_500_that_quotes_nothing_and_the_server_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with Emulator(state=folder / PLANTED) as emulator, authorized(emulator) as client:
        shutil.rmtree(folder)
        answer = client.post(ACQUIRE, json=credentials("UserName"))
        assert error(answer)[:2] == (500, "InternalServerError")
        assert PLANTED not in answer.text
        assert client.get(SECRETS).status_code == 200
    assert "FileNotFoundError in the emulator" in caplog.text
    assert PLANTED not in caplog.text


def test_many_threads_at_once_lose_nothing(emulator: Emulator) -> None:
    targets = []
    for number in range(8):
        application = emulator.tenant.create_application(f"Application {number}")
        targets.append(application["id"])
    token = secret_credential(emulator).get_token(scope(emulator)).token

    def authorize(id: str) -> list[int]:
        with authorized(emulator, token) as client:
            path = f"/v1.0/applications/{id}/synchronization/acquireAccessToken"
            return [client.post(path, json=credentials(key)).status_code for key in KEYS[:12]]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(authorize, targets))
    assert statuses == [[204] * 12] * 8
    assert len(emulator.journal.select("POST", "*/acquireAccessToken")) == 96
    for id in targets:
        assert len(emulator.tenant.secrets("applications", id)) == 12


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads that take turns all the time, so that a missing lock shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless_threads")
def test_many_threads_that_change_the_tenant_leave_a_whole_state_file(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator, ThreadPoolExecutor(8) as pool:
        names = [f"Application {number}" for number in range(80)]
        created = list(pool.map(emulator.tenant.create_application, names))
        expected = emulator.tenant.objects("applications")
    assert len({application["id"] for application in created}) == 80
    with Emulator(state=file) as emulator:
        assert emulator.tenant.objects("applications") == expected
        assert len(expected) == 81


def test_an_answer_with_a_body_is_not_held_back_for_an_acknowledgement(graph: httpx.Client) -> None:
    began = time.monotonic()
    for _ in range(50):
        assert graph.get(SECRETS).status_code == 200
    assert time.monotonic() - began < 1.5


# Faults


def test_a_fault_answers_for_the_service_once_and_the_service_does_not_act(
    emulator: Emulator,
) -> None:
    emulator.faults.add(
        Fault(method="POST", path="*/acquireAccessToken", status=429, headers={"Retry-After": "1"})
    )
    with authorized(emulator) as client:
        assert client.get(SECRETS).status_code == 200
        first = client.post(ACQUIRE, json=credentials("UserName"))
        assert error(first) == (429, "TooManyRequests", "Too many requests.")
        assert first.headers["retry-after"] == "1"
        assert UUID(first.headers["request-id"])
        assert client.get(SECRETS).json()["value"] == []
        assert client.post(ACQUIRE, json=credentials("UserName")).status_code == 204
    assert emulator.faults.pending == []
    calls = emulator.journal.select(path="*/acquireAccessToken")
    assert [(call.status, call.fault) for call in calls] == [(429, "status 429"), (204, None)]


def test_a_fault_waits_for_its_call_and_lasts_for_its_times(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", nth=2, times=2, status=503, code="", message="m"))
    with authorized(emulator) as client:
        statuses = [client.get(path).status_code for path in [SECRETS, JOBS] + [SECRETS] * 3]
    assert statuses == [200, 200, 503, 503, 200]


def test_faults_for_the_same_calls_come_one_after_the_other(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", status=500), Fault(path="*/secrets", status=504))
    emulator.faults.add(Fault(path="*/secrets", status=502, nth=3))
    with authorized(emulator) as client:
        statuses = [client.get(SECRETS).status_code for _ in range(4)]
        assert statuses == [500, 504, 502, 200]
        emulator.faults.add(Fault(status=500))
        emulator.faults.clear()
        assert client.get(SECRETS).status_code == 200


def test_a_fault_can_send_any_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault(status=502, body="<html>Bad Gateway</html>"))
    emulator.faults.add(Fault(status=200, body='{"value": ['))
    emulator.faults.add(Fault(status=400, code="Nested", message='{"error": {}}'))
    with anonymous(emulator) as client:
        html, malformed, nested = (client.get(SECRETS) for _ in range(3))
    assert (html.status_code, html.text) == (502, "<html>Bad Gateway</html>")
    assert html.headers["content-type"] == "text/html"
    assert (malformed.status_code, malformed.text) == (200, '{"value": [')
    assert error(nested) == (400, "Nested", '{"error": {}}')


def test_a_fault_of_the_token_endpoint_looks_like_entras(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/oauth2/v2.0/token", status=503))
    with anonymous(emulator) as client:
        answer = client.post(TOKEN, data=token_form(emulator))
    body = answer.json()
    assert (answer.status_code, body["error"]) == (503, "temporarily_unavailable")
    assert body["error_codes"] == [90033]
    assert body["error_description"].startswith("AADSTS90033: ")


@pytest.mark.parametrize(("drop", "acted"), [("before", False), ("after", True), ("body", True)])
def test_a_dropped_connection_is_really_closed_before_or_after_the_service_acted(
    emulator: Emulator, drop: Any, acted: bool
) -> None:
    emulator.faults.add(Fault(path="*/acquireAccessToken", drop=drop))
    with authorized(emulator) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post(ACQUIRE, json=credentials("UserName"))
        kept = kept_by(emulator)
        assert bool(kept) == acted
        assert client.get(SECRETS).status_code == 200
    (call,) = emulator.journal.select(path="*/acquireAccessToken")
    assert call.fault == f"drop {drop}"
    assert call.status == (204 if drop == "body" else None)


def test_an_answer_can_break_off_in_the_middle_of_its_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/jobs", drop="body"))
    received: list[bytes] = []
    with authorized(emulator) as client, client.stream("GET", JOBS) as answer:
        assert answer.status_code == 200
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            received.extend(answer.iter_raw(1))
    assert 0 < len(received) <= int(answer.headers["content-length"]) // 2


def test_a_delay_comes_before_the_answer_and_holds_up_nobody_else(emulator: Emulator) -> None:
    emulator.faults.add(Fault(path="*/secrets", delay=0.5))
    with authorized(emulator) as slow, authorized(emulator) as quick:
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(slow.get, SECRETS)
            time.sleep(0.1)
            quick.get(JOBS)
            assert not waiting.done()
            assert waiting.result().status_code == 200
        assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"nth": 0, "status": 500},
        {"times": 0, "status": 500},
        {"drop": "sideways"},
        {"headers": {"Retry-After": "1"}, "drop": "after"},
        {"body": "x", "delay": 1},
        {"status": 500, "drop": "before"},
    ],
)
def test_a_fault_that_says_nothing_or_two_things_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fault"):
        Fault(**wrong)


# Journal


def test_the_journal_holds_what_a_call_was_and_no_value(emulator: Emulator) -> None:
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


def test_the_journal_holds_no_secret_wherever_a_client_puts_it(emulator: Emulator) -> None:
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


def test_the_journal_still_shows_where_a_strange_call_went(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        job = client.get(JOBS).json()["value"][0]["id"]
        client.get(f"{JOBS}/{job}")
        client.get("/v1.0/users", params={"$select": "id,displayName", "code": "x"})
    paths = [call.path for call in emulator.journal.calls[-2:]]
    assert paths == [f"{JOBS}/{job}", "/v1.0/users"]
    assert emulator.journal.calls[-1].query == {"$select": "id,displayName", "***": "***"}


# Server


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])
def test_it_listens_on_loopback_and_nowhere_else(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Emulator(host=host)


def test_localhost_is_loopback_too() -> None:
    with Emulator(host="localhost") as emulator, authorized(emulator) as client:
        assert emulator.url.startswith("https://localhost:")
        assert client.get(SECRETS).status_code == 200


def test_a_port_that_is_taken_is_an_error_that_names_it(untouched: Emulator) -> None:
    port = int(untouched.url.rpartition(":")[2])
    with pytest.raises(OSError, match=str(port)), Emulator(port=port):
        pass


def test_it_stops_at_once_though_clients_keep_their_connections(tmp_path: Path) -> None:
    with Emulator() as emulator:
        client = authorized(emulator)
        assert client.get(SECRETS).status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    assert not os.path.exists(emulator.ca_file)
    with pytest.raises(httpx.TransportError):
        client.get(SECRETS)


def test_the_environment_points_a_program_at_it(
    untouched: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert untouched.environment == {
        SETTINGS_FROM_ENVIRONMENT: "true",
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": untouched.url,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": untouched.url,
        "ENTRA_PROVISIONING_CA_FILE": untouched.ca_file,
        "AZURE_TENANT_ID": DEFAULT_TENANT_ID,
        "AZURE_CLIENT_ID": DEFAULT_CLIENT_ID,
        "AZURE_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "NO_PROXY": "example.com,127.0.0.1,localhost",
        "no_proxy": "example.com,127.0.0.1,localhost",
    }


def test_the_state_survives_in_its_file_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    certificate, client_id = Certificate(), str(uuid4())
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    with Emulator(state=file) as emulator:
        tenant = emulator.tenant
        application = tenant.create_application("Fabrikam")
        principal = tenant.create_service_principal(application["appId"])
        job = tenant.create_job(principal["id"], "scim")
        tenant.acquire_access_token(
            "servicePrincipals", principal["id"], {"Oauth2AuthorizationCode": PLANTED}
        )
        tenant.put_secrets("applications", application["id"], {"UserName": "ü", "Url": "u"})
        tenant.set_job_status(
            principal["id"], "Quarantine", reason="EncounteredQuarantineException"
        )
        tenant.register_client(
            client_id, [ClientSecret.of("s", expires)], [certificate.pem], ["Any.Role"]
        )
        kept = tenant.secrets("servicePrincipals", principal["id"])
        authorizations = tenant.authorizations()
        jobs = tenant.jobs("servicePrincipals", principal["id"])
        client = tenant.client(client_id)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["tenant.json"]
    assert PLANTED not in file.read_text()
    with Emulator(state=file) as emulator:
        tenant = emulator.tenant
        assert tenant.get("applications", application["id"]) == application
        assert tenant.secrets("servicePrincipals", principal["id"]) == kept
        assert tenant.secrets("applications", application["id"]) == {"UserName": "ü", "Url": "u"}
        assert tenant.authorizations() == authorizations != []
        assert tenant.jobs("servicePrincipals", principal["id"]) == jobs
        assert jobs[0]["id"] == job["id"]
        assert jobs[0]["status"]["code"] == "Quarantine"
        assert tenant.client(client_id) == client
        with pytest.raises(GraphError, match="Oauth2AuthorizationCodeInvalid"):
            tenant.acquire_access_token(
                "servicePrincipals", principal["id"], {"Oauth2AuthorizationCode": PLANTED}
            )


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 99}', "\x00"])
def test_a_file_that_is_no_state_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    file = tmp_path / "precious.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"precious\.json is not a state file"):
        Emulator(state=file)
    assert file.read_text() == content


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator:
        emulator.tenant.create_application("Fabrikam")
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"version": document["version"] + 1}))
    with pytest.raises(ValueError, match="not a state file"):
        Emulator(state=file)


def test_without_a_state_file_each_emulator_begins_anew(emulator: Emulator) -> None:
    emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {"UserName": "x"})
    emulator.tenant.create_application("Fabrikam")
    with Emulator() as other:
        assert other.tenant.secrets("applications", DEFAULT_APPLICATION_ID) == {}
        assert len(other.tenant.objects("applications")) == 1


def test_no_thread_of_it_stays_behind_when_it_stops() -> None:
    before = set(threading.enumerate())
    with Emulator():
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) - before == set()
