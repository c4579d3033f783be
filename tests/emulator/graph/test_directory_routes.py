"""The directory over HTTP: templates, references, beta."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)
from entra_emulator.tenant.gallery import NON_GALLERY_ID
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    APPLICATIONS,
    PRINCIPAL,
    PRINCIPALS,
    TEMPLATES,
    UNKNOWN_GUID,
    caller_id,
    error,
    reference,
    with_sdk,
)


def test_the_template_for_other_applications_exists(graph: httpx.Client) -> None:
    path = f"{TEMPLATES}/{NON_GALLERY_ID}"
    assert graph.get(path).json()["displayName"] == "Custom"
    made = graph.post(f"{path}/microsoft.graph.instantiate", json={"displayName": "Ours"})
    assert made.status_code == 201
    assert made.json()["@odata.context"].endswith("#microsoft.graph.applicationServicePrincipal")
    query = {"$filter": f"applicationTemplateId eq '{NON_GALLERY_ID}' and displayName eq 'Ours'"}
    (found,) = graph.get(APPLICATIONS, params=query).json()["value"]
    assert found["id"] == made.json()["application"]["id"]


@pytest.mark.parametrize("body", [{}, {"displayName": ""}, {"displayName": 1}, {"name": "x"}])
def test_an_instance_needs_a_name(graph: httpx.Client, body: dict[str, Any]) -> None:
    answer = graph.post(f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate", json=body)
    assert error(answer)[:2] == (400, "Request_BadRequest")


def test_an_unknown_template_is_not_found(graph: httpx.Client) -> None:
    assert error(graph.get(f"{TEMPLATES}/{UNKNOWN_GUID}"))[0] == 404
    answer = graph.post(f"{TEMPLATES}/{UNKNOWN_GUID}/instantiate", json={"displayName": "x"})
    assert error(answer)[0] == 404


def test_beta_has_the_properties_that_terraform_reads(graph: httpx.Client) -> None:
    application = f"/beta/applications/{DEFAULT_APPLICATION_ID}"
    query = {"$select": "oauth2RequirePostResponse"}
    assert graph.get(application, params=query).json()["oauth2RequirePostResponse"] is False
    assert graph.patch(application, json={"oauth2RequirePostResponse": True}).status_code == 204
    assert graph.get(application, params=query).json()["oauth2RequirePostResponse"] is True
    principal = graph.get(
        f"/beta/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}",
        params={"$select": "samlMetadataUrl"},
    )
    assert principal.json()["samlMetadataUrl"] is None
    assert (
        "oauth2RequirePostResponse"
        not in graph.get(f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}").json()
    )


def test_an_app_id_key_reaches_an_object_and_its_children(
    graph: httpx.Client,
) -> None:
    by_app_id = f"{PRINCIPALS}(appId='{DEFAULT_APP_ID}')"
    assert graph.get(by_app_id).json()["id"] == DEFAULT_SERVICE_PRINCIPAL_ID
    pairs = [{"key": "UserName", "value": "x"}]
    acquire = f"{by_app_id}/synchronization/acquireAccessToken"
    assert graph.post(acquire, json={"credentials": pairs}).status_code == 204
    assert graph.get(f"{PRINCIPAL}/synchronization/secrets").json()["value"] == pairs
    (job,) = graph.get(f"{by_app_id}/synchronization/jobs").json()["value"]
    start = f"{by_app_id}/synchronization/jobs/{job['id']}/start"
    assert graph.post(start).status_code == 204
    assert error(graph.get(f"{PRINCIPALS}(appId='{UNKNOWN_GUID}')"))[0] == 404


def test_msgraph_sdk_adds_lists_and_removes_an_owner(emulator: Emulator) -> None:
    owner = caller_id(emulator)

    async def owners(graph: GraphServiceClient) -> list[str | None]:
        item = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        listed = await item.owners.get()
        assert listed
        assert listed.value is not None
        assert all(isinstance(one, ServicePrincipal) for one in listed.value)
        return [one.id for one in listed.value]

    async def use(graph: GraphServiceClient) -> list[list[str | None]]:
        item = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        seen = [await owners(graph)]
        await item.owners.ref.post(ReferenceCreate(odata_id=reference(emulator, owner)))
        seen.append(await owners(graph))
        await item.owners.by_directory_object_id(owner).ref.delete()
        return [*seen, await owners(graph)]

    assert asyncio.run(with_sdk(emulator, use)) == [[], [owner], []]


@pytest.mark.parametrize(
    "bound", ["x", [1], ["x"], ["https://graph.example/v1.0/directoryObjects/x"]]
)
def test_an_invalid_reference_is_refused(graph: httpx.Client, bound: Any) -> None:
    body = {"displayName": "x", "owners@odata.bind": bound}
    assert error(graph.post(APPLICATIONS, json=body))[:2] == (400, "Request_BadRequest")


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
def test_an_invalid_new_object_is_refused(
    graph: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    assert error(graph.post(f"/v1.0/{path}", json=body))[:2] == (400, "Request_BadRequest")
