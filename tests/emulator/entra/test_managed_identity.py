"""Managed identities of a virtual machine and of App Service."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
)
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_TENANT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
    Emulator,
)
from entra_emulator.workloads import Workload
from support.emulator_clients import (
    PLANTED,
    SECRETS,
    UNKNOWN_GUID,
    anonymous,
    authorized,
    claims_of,
    options,
    scope,
)


@pytest.mark.parametrize("workload", ["virtual-machine", "app-service"])
@pytest.mark.parametrize(
    ("asked", "client_id", "resource"),
    [
        (None, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID, "Microsoft.Compute/virtualMachines/"),
        (
            DEFAULT_USER_ASSIGNED_CLIENT_ID,
            DEFAULT_USER_ASSIGNED_CLIENT_ID,
            "Microsoft.ManagedIdentity/userAssignedIdentities/",
        ),
    ],
)
def test_a_managed_identity_gets_a_token(
    untouched: Emulator,
    in_workload: Any,
    workload: Workload,
    asked: str | None,
    client_id: str,
    resource: str,
) -> None:
    assert not any("CLIENT_" in name for name in in_workload(workload))
    credential = ManagedIdentityCredential(client_id=asked, connection_verify=untouched.ca_file)
    token = credential.get_token(scope(untouched)).token
    claims = claims_of(token)
    assert (claims["appid"], claims["idtyp"], claims["tid"]) == (
        client_id,
        "app",
        DEFAULT_TENANT_ID,
    )
    assert resource in claims["xms_mirid"]
    assert authorized(untouched, token).get(SECRETS).status_code == 200
    assert untouched.journal.calls[-2].client_id == client_id


@pytest.mark.parametrize("workload", ["virtual-machine", "app-service"])
def test_a_user_assigned_identity_can_be_selected_by_its_object_or_its_resource(
    untouched: Emulator, in_workload: Any, workload: Workload
) -> None:
    in_workload(workload)
    known = untouched.tenant.client(DEFAULT_USER_ASSIGNED_CLIENT_ID)
    assert known
    by_object = ManagedIdentityCredential(
        identity_config={"object_id": known.object_id}, connection_verify=untouched.ca_file
    )
    claims = claims_of(by_object.get_token(scope(untouched)).token)
    by_resource = ManagedIdentityCredential(
        identity_config={"resource_id": claims["xms_mirid"]}, connection_verify=untouched.ca_file
    )
    claims = claims_of(by_resource.get_token(scope(untouched)).token)
    assert claims["appid"] == DEFAULT_USER_ASSIGNED_CLIENT_ID


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        ("virtual-machine", r"\(invalid_request\) Identity not found"),
        ("app-service", "400, No User Assigned or Delegated Managed Identity found"),
    ],
)
def test_an_unknown_identity_is_refused(
    untouched: Emulator, in_workload: Any, workload: Workload, said: str
) -> None:
    in_workload(workload)
    for client_id in (UNKNOWN_GUID, DEFAULT_CLIENT_ID):
        credential = ManagedIdentityCredential(
            client_id=client_id, connection_verify=untouched.ca_file
        )
        with pytest.raises(CredentialUnavailableError, match=said):
            credential.get_token(scope(untouched))


IMDS = "/metadata/identity/oauth2/token"


@pytest.mark.parametrize(
    ("headers", "changed", "answered"),
    [
        ({}, {}, ("bad_request_102", "Required metadata header not specified")),
        (
            {"Metadata": "true"},
            {"resource": ""},
            ("invalid_request", "Required query variable 'resource' is missing"),
        ),
        (
            {"Metadata": "true"},
            {"api-version": ""},
            ("invalid_request", "Required query variable 'api-version' is missing"),
        ),
        (
            {"Metadata": "true"},
            {"client_id": PLANTED},
            ("invalid_request", "Identity not found"),
        ),
    ],
)
def test_imds_has_errors_of_its_own(
    untouched: Emulator, headers: dict[str, str], changed: dict[str, str], answered: tuple[str, str]
) -> None:
    query = {"api-version": "2018-02-01", "resource": untouched.url, **changed}
    with anonymous(untouched) as client:
        answer = client.get(IMDS, params=query, headers=headers)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_description"]) == (400, *answered)


def test_both_endpoints_refuse_an_unknown_resource(untouched: Emulator, in_workload: Any) -> None:
    header = in_workload("app-service")["IDENTITY_HEADER"]
    resource = "https://vault.azure.net"
    with anonymous(untouched) as client:
        imds = client.get(
            IMDS,
            params={"api-version": "2018-02-01", "resource": resource},
            headers={"Metadata": "true"},
        )
        service = client.get(
            "/msi/token",
            params={"api-version": "2019-08-01", "resource": resource},
            headers={"X-IDENTITY-HEADER": header},
        )
    assert (imds.status_code, imds.json()["error"]) == (400, "invalid_resource")
    assert (service.status_code, service.json()["statusCode"]) == (400, 400)
    assert "AADSTS500011" in imds.text
    assert "AADSTS500011" in service.text


def test_app_service_requires_its_header_and_a_known_api_version(
    untouched: Emulator, in_workload: Any
) -> None:
    header = in_workload("app-service")["IDENTITY_HEADER"]
    query = {"api-version": "2019-08-01", "resource": untouched.url}
    with anonymous(untouched) as client:
        assert client.get("/msi/token", params=query).status_code == 401
        client.headers["X-IDENTITY-HEADER"] = header
        assert client.get("/msi/token", params=query).status_code == 200
        query["api-version"] = "2017-09-01"
        assert client.get("/msi/token", params=query).status_code == 400


def test_the_token_endpoint_refuses_a_managed_identity(
    untouched: Emulator,
) -> None:
    credential = ClientSecretCredential(
        DEFAULT_TENANT_ID,
        DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        **options(untouched),
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(scope(untouched))
