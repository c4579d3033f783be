"""acquireAccessToken: its keys, its bodies, and the codes that it exchanges."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from msgraph.generated.applications.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_application,
)
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from msgraph.generated.service_principals.item.synchronization.acquire_access_token import (
    acquire_access_token_post_request_body as of_service_principal,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    ACQUIRE,
    PLANTED,
    PRINCIPAL,
    SECRETS,
    TOKEN,
    UNKNOWN_GUID,
    authorized,
    credentials,
    error,
    kept_by,
    pair,
    sdk_pairs,
    spent,
    with_sdk,
)

APPLICATION = f"/v1.0/applications/{DEFAULT_APPLICATION_ID}"


@pytest.fixture(scope="module")
def graph(untouched: Emulator) -> Iterator[httpx.Client]:
    with authorized(untouched) as client:
        yield client


# Microsoft's own generated enumeration. Its members' values are text, though typed otherwise.
KEYS = [str(member.value) for member in SynchronizationSecret]


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
def test_a_pair_can_name_its_type(emulator: Emulator, sign: str) -> None:
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
def test_a_key_in_another_case_is_a_server_error(
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
def test_a_body_that_is_not_json_is_a_bad_request(graph: httpx.Client, content: bytes) -> None:
    answer = graph.post(ACQUIRE, content=content, headers={"content-type": "application/json"})
    assert error(answer)[:2] == (400, "BadRequest")
    assert error(graph.post(ACQUIRE, json={}))[0] == 400


def test_a_body_can_be_compressed(emulator: Emulator) -> None:
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
def test_a_body_that_is_not_gzip_or_grows_too_large_is_refused(
    graph: httpx.Client, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert error(graph.post(ACQUIRE, content=content, headers=headers))[0] == status
    assert graph.get(SECRETS).status_code == 200


def test_json_under_another_name_is_refused(graph: httpx.Client) -> None:
    answer = graph.post(ACQUIRE, content=b"{}", headers={"content-type": "text/plain"})
    assert error(answer)[2] == "Entity only allows writes with a JSON Content-Type header."


@pytest.mark.parametrize("id", ["test", DEFAULT_APP_ID[:-1], "..%2e", "%00"])
def test_an_id_that_is_not_a_guid_is_a_bad_request(graph: httpx.Client, id: str) -> None:
    path = f"/v1.0/servicePrincipals/{id}/synchronization/acquireAccessToken"
    status, code, message = error(graph.post(path, json=credentials("UserName")))
    assert (status, code) == (400, "Request_BadRequest")
    assert message.startswith("Invalid object identifier '")


@pytest.mark.parametrize("id", [UNKNOWN_GUID, DEFAULT_APP_ID, DEFAULT_APPLICATION_ID])
def test_an_unknown_object_id_is_not_found(graph: httpx.Client, id: str) -> None:
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


def test_an_object_id_can_be_in_capitals(graph: httpx.Client) -> None:
    path = f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID.upper()}"
    assert graph.get(path).json()["id"] == DEFAULT_SERVICE_PRINCIPAL_ID


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
