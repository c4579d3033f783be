"""The properties of applications and service principals."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from entra_emulator import DEFAULT_APPLICATION_ID, Emulator
from msgraph.generated.models.application import Application
from msgraph.generated.models.web_application import WebApplication
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    APPLICATIONS,
    PRINCIPAL,
    PRINCIPALS,
    UNKNOWN_GUID,
    error,
    with_sdk,
)


def test_msgraph_sdk_creates_and_updates_an_application_with_its_properties(
    emulator: Emulator,
) -> None:
    async def use(graph: GraphServiceClient) -> Application | None:
        application = Application(
            display_name="Fabrikam",
            sign_in_audience="AzureADMultipleOrgs",
            identifier_uris=["api://fabrikam"],
            web=WebApplication(redirect_uris=["https://fabrikam.example/back"]),
            tags=["one", "two"],
            notes="ours",
        )
        created = await graph.applications.post(application)
        assert created
        assert created.id
        item = graph.applications.by_application_id(created.id)
        web = WebApplication(home_page_url="https://fabrikam.example")
        await item.patch(Application(display_name="Fabrikam 2", web=web))
        return await item.get()

    read = asyncio.run(with_sdk(emulator, use))
    assert read
    assert read.web
    assert (read.display_name, read.notes) == ("Fabrikam 2", "ours")
    assert (read.sign_in_audience, read.tags) == ("AzureADMultipleOrgs", ["one", "two"])
    assert read.web.redirect_uris == ["https://fabrikam.example/back"]
    assert read.web.home_page_url == "https://fabrikam.example"


def test_a_service_principal_shows_what_its_application_has(graph: httpx.Client) -> None:
    role = {"id": str(uuid4()), "value": "User", "displayName": "User", "isEnabled": True}
    application = graph.post(
        APPLICATIONS,
        json={"displayName": "Fabrikam", "appRoles": [role], "identifierUris": ["api://f"]},
    ).json()
    principal = graph.post(PRINCIPALS, json={"appId": application["appId"]}).json()
    assert principal["appRoles"] == [role]
    assert principal["servicePrincipalNames"] == [application["appId"], "api://f"]
    changed = {"displayName": "Renamed", "web": {"redirectUris": ["https://f.example"]}}
    path = f"{APPLICATIONS}/{application['id']}"
    assert graph.patch(path, json=changed).status_code == 204
    shown = graph.get(f"{PRINCIPALS}/{principal['id']}").json()
    assert (shown["displayName"], shown["appDisplayName"]) == ("Renamed", "Renamed")
    assert shown["replyUrls"] == ["https://f.example"]


def test_a_service_principal_has_properties_of_its_own(graph: httpx.Client) -> None:
    given = {
        "accountEnabled": False,
        "preferredSingleSignOnMode": "saml",
        "notificationEmailAddresses": ["a@b.example"],
        "description": None,
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "samlSingleSignOnSettings": {"@odata.type": "#microsoft.graph.x", "relayState": "r"},
    }
    assert graph.patch(PRINCIPAL, json=given).status_code == 204
    shown = graph.get(PRINCIPAL).json()
    assert shown["samlSingleSignOnSettings"] == {"relayState": "r"}
    given.pop("samlSingleSignOnSettings")
    assert {name: shown[name] for name in given} == given


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ({"colour": "red"}, "does not exist on type 'microsoft.graph.application'"),
        ({"appId": UNKNOWN_GUID}, "Property 'appId' is read-only and cannot be set."),
        ({"id": UNKNOWN_GUID}, "read-only"),
        ({"notes": 1}, "Invalid value specified for property 'notes' of resource 'Application'."),
        ({"isFallbackPublicClient": "yes"}, "Invalid value"),
        ({"tags": "one"}, "Invalid value"),
        ({"tags": [1]}, "Invalid value"),
        ({"tags": None}, "does not allow null values"),
        ({"web": []}, "Invalid value"),
        ({"appRoles": ["User"]}, "Invalid value"),
        ({"displayName": None}, "must not be empty"),
        ([], "A JSON object is expected"),
    ],
)
def test_an_invalid_property_is_refused_and_changes_nothing(
    graph: httpx.Client, given: Any, reported: str
) -> None:
    path = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
    before = graph.get(path).json()
    body = {"notes": "changed", **given} if isinstance(given, dict) else given
    status, code, message = error(graph.patch(path, json=body))
    assert (status, code) == (400, "Request_BadRequest")
    assert reported in message
    if isinstance(given, dict):
        created = graph.post(APPLICATIONS, json={"displayName": "x", **given})
        assert created.status_code == 400
    assert graph.get(path).json() == before
    assert len(graph.get(APPLICATIONS).json()["value"]) == 1
