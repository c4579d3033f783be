"""Applications, service principals, their owners, deleted items and the gallery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from entra_emulator.tenant.errors import NotFoundError
from entra_emulator.tenant.gallery import NON_GALLERY_ID, SIGN_ON_TEMPLATE_ID
from msgraph.generated.application_templates.item.instantiate import instantiate_post_request_body
from msgraph.generated.models.application import Application
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.models.web_application import WebApplication
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    PRINCIPAL,
    UNKNOWN_GUID,
    anonymous,
    authorized,
    error,
    pair,
    scope,
    secret_credential,
    with_roles,
    with_sdk,
)

APPLICATIONS = "/v1.0/applications"


PRINCIPALS = "/v1.0/servicePrincipals"


TEMPLATES = "/v1.0/applicationTemplates"


DENIED = (
    403,
    "Authorization_RequestDenied",
    "Insufficient privileges to complete the operation.",
)


@pytest.fixture
def graph(emulator: Emulator) -> Iterator[httpx.Client]:
    with authorized(emulator) as client:
        yield client


def caller_id(emulator: Emulator) -> str:
    client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    return client.object_id


def reference(emulator: Emulator, id: str) -> str:
    return f"{emulator.url}/v1.0/directoryObjects/{id}"


# The gallery


def test_msgraph_sdk_instantiates_an_application_from_the_gallery(emulator: Emulator) -> None:
    async def use(graph: GraphServiceClient) -> tuple[str | None, ...]:
        listed = await graph.application_templates.get()
        assert listed
        assert listed.value
        by_name = {template.display_name: template for template in listed.value}
        found = by_name["Fabrikam Directory"]
        assert found.id
        one = await graph.application_templates.by_application_template_id(found.id).get()
        assert one
        assert one.supported_provisioning_types == ["sync"]
        body = instantiate_post_request_body.InstantiatePostRequestBody(display_name="Ours")
        item = graph.application_templates.by_application_template_id(found.id)
        made = await item.instantiate.post(body)
        assert made
        assert made.application
        assert made.service_principal
        assert made.application.app_id == made.service_principal.app_id
        assert made.application.application_template_id == found.id
        return made.application.display_name, made.service_principal.display_name

    assert asyncio.run(with_sdk(emulator, use)) == ("Ours", "Ours")
    assert len(emulator.tenant.objects("servicePrincipals")) == 2


def test_the_template_of_applications_outside_the_gallery_is_there(graph: httpx.Client) -> None:
    path = f"{TEMPLATES}/{NON_GALLERY_ID}"
    assert graph.get(path).json()["displayName"] == "Custom"
    made = graph.post(f"{path}/microsoft.graph.instantiate", json={"displayName": "Ours"})
    assert made.status_code == 201
    assert made.json()["@odata.context"].endswith("#microsoft.graph.applicationServicePrincipal")
    query = {"$filter": f"applicationTemplateId eq '{NON_GALLERY_ID}' and displayName eq 'Ours'"}
    (found,) = graph.get(APPLICATIONS, params=query).json()["value"]
    assert found["id"] == made.json()["application"]["id"]


def test_templates_are_found_by_name_or_a_part_of_it(graph: httpx.Client) -> None:
    for filter in ("displayName eq 'contoso workspace'", "contains(displayName, 'workspace')"):
        (found,) = graph.get(TEMPLATES, params={"$filter": filter}).json()["value"]
        assert found["displayName"] == "Contoso Workspace"


@pytest.mark.parametrize("body", [{}, {"displayName": ""}, {"displayName": 1}, {"name": "x"}])
def test_an_instance_needs_a_name(graph: httpx.Client, body: dict[str, Any]) -> None:
    answer = graph.post(f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate", json=body)
    assert error(answer)[:2] == (400, "Request_BadRequest")


def test_an_unknown_template_is_not_found(graph: httpx.Client) -> None:
    assert error(graph.get(f"{TEMPLATES}/{UNKNOWN_GUID}"))[0] == 404
    answer = graph.post(f"{TEMPLATES}/{UNKNOWN_GUID}/instantiate", json={"displayName": "x"})
    assert error(answer)[0] == 404


def test_the_gallery_is_open_to_every_caller_and_its_instances_are_not(emulator: Emulator) -> None:
    with with_roles(emulator) as caller:
        assert caller.get(TEMPLATES).status_code == 200
        path = f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate"
        assert error(caller.post(path, json={"displayName": "x"})) == DENIED
    with anonymous(emulator) as nobody:
        assert nobody.get(TEMPLATES).status_code == 401


# Properties


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


def test_what_a_service_principal_is_given_is_its_own(graph: httpx.Client) -> None:
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
    ("given", "told"),
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
def test_a_property_that_an_application_cannot_have_is_refused_and_changes_nothing(
    graph: httpx.Client, given: Any, told: str
) -> None:
    path = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
    before = graph.get(path).json()
    body = {"notes": "changed", **given} if isinstance(given, dict) else given
    status, code, message = error(graph.patch(path, json=body))
    assert (status, code) == (400, "Request_BadRequest")
    assert told in message
    if isinstance(given, dict):
        created = graph.post(APPLICATIONS, json={"displayName": "x", **given})
        assert created.status_code == 400
    assert graph.get(path).json() == before
    assert len(graph.get(APPLICATIONS).json()["value"]) == 1


def test_terraform_finds_on_beta_what_it_looks_for_there(graph: httpx.Client) -> None:
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


# Queries and keys


def test_an_object_is_also_found_by_its_app_id_and_so_is_what_is_below(
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


def test_a_collection_comes_in_pages_and_can_be_counted(
    emulator: Emulator, graph: httpx.Client
) -> None:
    for number in range(4):
        emulator.tenant.create_application(f"Number {number}")
    first = graph.get(APPLICATIONS, params={"$top": "3", "$select": "id,displayName"}).json()
    assert "@odata.count" not in first
    second = graph.get(first["@odata.nextLink"]).json()
    names = [item["displayName"] for item in first["value"] + second["value"]]
    assert names == ["Contoso Sales", *(f"Number {number}" for number in range(4))]
    assert "@odata.nextLink" not in second
    eventual = {"ConsistencyLevel": "eventual"}
    query = {"$count": "true", "$filter": "startswith(displayName, 'number')"}
    counted = graph.get(APPLICATIONS, params=query, headers=eventual).json()
    assert counted["@odata.count"] == 4
    assert graph.get(f"{APPLICATIONS}/$count", headers=eventual).text == "5"


def test_a_filter_takes_quotes_and_the_word_and_within_them(
    emulator: Emulator, graph: httpx.Client
) -> None:
    emulator.tenant.create_application("Rock 'n' roll and jazz")
    query = {"$filter": "displayName eq 'Rock ''n'' roll and jazz' and notes eq null"}
    assert error(graph.get(APPLICATIONS, params=query))[0] == 501
    query = {"$filter": "displayName eq 'Rock ''n'' roll and jazz'"}
    assert len(graph.get(APPLICATIONS, params=query).json()["value"]) == 1
    enabled = {"$filter": f"accountEnabled eq true and appId eq '{DEFAULT_APP_ID}'"}
    assert len(graph.get(PRINCIPALS, params=enabled).json()["value"]) == 1


@pytest.mark.parametrize("query", [{"$select": "id,colour"}, {"$filter": "colour eq 'red'"}])
def test_a_query_for_an_unknown_property_is_refused(
    graph: httpx.Client, query: dict[str, str]
) -> None:
    status, code, message = error(graph.get(APPLICATIONS, params=query))
    assert (status, code) == (400, "BadRequest")
    assert "Could not find a property named 'colour' on type 'microsoft.graph.application'" in (
        message
    )


@pytest.mark.parametrize("top", ["0", "-1", "x", "٣"])
def test_an_invalid_page_size_is_refused(graph: httpx.Client, top: str) -> None:
    assert error(graph.get(APPLICATIONS, params={"$top": top}))[0] == 400


# Deleted items


def test_a_deleted_object_lies_among_the_deleted_items_until_it_is_removed(
    emulator: Emulator, graph: httpx.Client
) -> None:
    emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {"UserName": "x"})
    assert graph.delete(f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}").status_code == 204
    assert error(graph.get(f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"))[0] == 404
    path = f"/v1.0/directory/deletedItems/{DEFAULT_APPLICATION_ID}"
    item = graph.get(path).json()
    assert item["@odata.type"] == "#microsoft.graph.application"
    assert item["deletedDateTime"].endswith("Z")
    assert graph.delete(path).status_code == 204
    assert error(graph.get(path))[0] == error(graph.delete(path))[0] == 404


@pytest.mark.parametrize(("takes", "status"), [(True, 404), (False, 200)])
def test_whether_an_application_takes_its_service_principal_along_is_an_assumption(
    takes: bool, status: int
) -> None:
    assumptions = Assumptions(deleted_application_takes_service_principal=takes)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        assert graph.delete(f"{APPLICATIONS}(appId='{DEFAULT_APP_ID}')").status_code == 204
        assert graph.get(PRINCIPAL).status_code == status


# Owners


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


def test_the_creator_of_an_object_owns_it_along_with_the_owners_that_it_names(
    emulator: Emulator, graph: httpx.Client
) -> None:
    me = caller_id(emulator)
    bound = [reference(emulator, DEFAULT_SERVICE_PRINCIPAL_ID), reference(emulator, me)]
    body = {"displayName": "Fabrikam", "owners@odata.bind": bound}
    application = graph.post(APPLICATIONS, json=body).json()
    listed = graph.get(f"{APPLICATIONS}/{application['id']}/owners").json()["value"]
    assert [owner["id"] for owner in listed] == [DEFAULT_SERVICE_PRINCIPAL_ID, me]
    assert {owner["@odata.type"] for owner in listed} == {"#microsoft.graph.servicePrincipal"}
    assert graph.get(reference(emulator, me)).json()["appId"] == DEFAULT_CLIENT_ID
    principal = graph.post(PRINCIPALS, json={"appId": application["appId"]}).json()
    (owner,) = graph.get(f"{PRINCIPALS}/{principal['id']}/owners").json()["value"]
    assert owner["id"] == me


@pytest.mark.parametrize(
    "bound", ["x", [1], ["x"], ["https://graph.example/v1.0/directoryObjects/x"]]
)
def test_an_invalid_reference_is_refused(graph: httpx.Client, bound: Any) -> None:
    body = {"displayName": "x", "owners@odata.bind": bound}
    assert error(graph.post(APPLICATIONS, json=body))[:2] == (400, "Request_BadRequest")


def test_an_owner_that_is_not_there_or_there_already_is_refused(
    emulator: Emulator, graph: httpx.Client
) -> None:
    path = f"{PRINCIPAL}/owners"
    nobody = {"@odata.id": reference(emulator, UNKNOWN_GUID)}
    assert error(graph.post(f"{path}/$ref", json=nobody))[0] == 404
    body = {"displayName": "x", "owners@odata.bind": [reference(emulator, UNKNOWN_GUID)]}
    assert error(graph.post(APPLICATIONS, json=body))[0] == 404
    assert len(emulator.tenant.objects("applications")) == 1
    me = {"@odata.id": reference(emulator, caller_id(emulator))}
    assert graph.post(f"{path}/$ref", json=me).status_code == 204
    again = error(graph.post(f"{path}/$ref", json=me))
    assert again[:2] == (400, "Request_BadRequest")
    assert "already exist" in again[2]
    assert error(graph.delete(f"{path}/{UNKNOWN_GUID}/$ref"))[0] == 404


def test_owned_by_is_good_for_own_objects_only(emulator: Emulator) -> None:
    pairs = {"credentials": [{"key": "UserName", "value": "x"}]}
    with with_roles(emulator, "Application.ReadWrite.OwnedBy") as caller:
        made = caller.post(
            f"{TEMPLATES}/{NON_GALLERY_ID}/instantiate", json={"displayName": "Ours"}
        ).json()
        own = f"{PRINCIPALS}/{made['servicePrincipal']['id']}"
        assert (
            caller.post(f"{own}/synchronization/acquireAccessToken", json=pairs).status_code == 204
        )
        assert caller.patch(own, json={"notes": "x"}).status_code == 204
        assert caller.get(PRINCIPAL).status_code == 200
        assert error(caller.patch(PRINCIPAL, json={"notes": "x"})) == DENIED
        assert error(caller.delete(PRINCIPAL)) == DENIED
        for refused in (
            caller.post(f"{PRINCIPAL}/synchronization/acquireAccessToken", json=pairs),
            caller.get(f"{PRINCIPAL}/synchronization/secrets"),
        ):
            assert error(refused) == (401, "UnknownError", "")
        secrets = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
        assert secrets == {}
        emulator.tenant.delete("applications", DEFAULT_APPLICATION_ID)
        deleted = "/v1.0/directory/deletedItems"
        assert error(caller.delete(f"{deleted}/{DEFAULT_APPLICATION_ID}")) == DENIED
        gone = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
        assert error(caller.patch(gone, json={"notes": "x"}))[0] == 404
        assert caller.delete(own).status_code == 204
        assert caller.delete(f"{deleted}/{made['servicePrincipal']['id']}").status_code == 204
        unknown = f"{PRINCIPALS}/{UNKNOWN_GUID}/synchronization/secrets"
        assert error(caller.get(unknown))[0] == 404


def test_owning_the_application_alone_is_not_enough_for_its_service_principal(
    emulator: Emulator,
) -> None:
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, ["s"], roles=["Application.ReadWrite.OwnedBy"])
    client = emulator.tenant.client(client_id)
    assert client
    emulator.tenant.add_owner("applications", DEFAULT_APPLICATION_ID, client.object_id)
    token = secret_credential(emulator, "s", client_id).get_token(scope(emulator)).token
    secrets = "synchronization/secrets"
    with authorized(emulator, token) as caller:
        application = f"{APPLICATIONS}/{DEFAULT_APPLICATION_ID}"
        assert caller.get(f"{application}/{secrets}").status_code == 200
        assert error(caller.get(f"{PRINCIPAL}/{secrets}"))[0] == 401
        emulator.tenant.add_owner(
            "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, client.object_id
        )
        assert caller.get(f"{PRINCIPAL}/{secrets}").status_code == 200


def test_what_owned_by_reads_is_an_assumption() -> None:
    with (
        Emulator(assumptions=Assumptions(owned_by_reads_all=False)) as emulator,
        with_roles(emulator, "Application.ReadWrite.OwnedBy") as caller,
    ):
        assert error(caller.get(PRINCIPAL)) == DENIED


def test_that_a_creator_becomes_owner_is_an_assumption() -> None:
    with (
        Emulator(assumptions=Assumptions(creator_becomes_owner=False)) as emulator,
        authorized(emulator) as graph,
    ):
        made = graph.post(APPLICATIONS, json={"displayName": "x"}).json()
        assert graph.get(f"{APPLICATIONS}/{made['id']}/owners").json()["value"] == []


def test_properties_owners_and_deleted_items_survive_in_the_state_file(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator:
        owner = caller_id(emulator)
        made = emulator.tenant.instantiate(SIGN_ON_TEMPLATE_ID, "Ours", owner=owner)
        id = made["application"]["id"]
        emulator.tenant.update("applications", id, {"web": {"homePageUrl": "https://o.example"}})
        emulator.tenant.update_beta("applications", id, {"oauth2RequirePostResponse": True})
        emulator.tenant.delete("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
        application = emulator.tenant.get_beta("applications", id)
    with Emulator(state=file) as emulator:
        assert emulator.tenant.get_beta("applications", id) == application
        assert application["oauth2RequirePostResponse"] is True
        assert application["applicationTemplateId"] == SIGN_ON_TEMPLATE_ID
        (kept,) = emulator.tenant.owners("applications", id)
        assert kept["id"] == owner
        assert emulator.tenant.deleted(DEFAULT_SERVICE_PRINCIPAL_ID)["deletedDateTime"]


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


def test_the_tenant_gives_the_same_answers_without_http(emulator: Emulator) -> None:
    application = emulator.tenant.create_application("Fabrikam")
    principal = emulator.tenant.create_service_principal(application["appId"])
    emulator.tenant.delete("servicePrincipals", principal["id"])
    with pytest.raises(NotFoundError, match="does not exist"):
        emulator.tenant.secrets("servicePrincipals", principal["id"])
