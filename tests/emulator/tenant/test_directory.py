"""Applications, service principals, their owners and deleted items."""

from __future__ import annotations

from pathlib import Path

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
from entra_emulator.tenant.gallery import SIGN_ON_TEMPLATE_ID
from support.emulator_clients import (
    APPLICATIONS,
    PRINCIPAL,
    PRINCIPALS,
    UNKNOWN_GUID,
    authorized,
    caller_id,
    error,
    pair,
    reference,
)


def test_a_deleted_object_stays_in_the_deleted_items_until_it_is_removed(
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
def test_whether_deleting_an_application_deletes_its_service_principal_is_an_assumption(
    takes: bool, status: int
) -> None:
    assumptions = Assumptions(deleted_application_takes_service_principal=takes)
    with Emulator(assumptions=assumptions) as emulator, authorized(emulator) as graph:
        assert graph.delete(f"{APPLICATIONS}(appId='{DEFAULT_APP_ID}')").status_code == 204
        assert graph.get(PRINCIPAL).status_code == status


def test_a_new_object_is_owned_by_its_creator_and_the_named_owners(
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


def test_an_unknown_or_duplicate_owner_is_refused(emulator: Emulator, graph: httpx.Client) -> None:
    path = f"{PRINCIPAL}/owners"
    unknown = {"@odata.id": reference(emulator, UNKNOWN_GUID)}
    assert error(graph.post(f"{path}/$ref", json=unknown))[0] == 404
    body = {"displayName": "x", "owners@odata.bind": [reference(emulator, UNKNOWN_GUID)]}
    assert error(graph.post(APPLICATIONS, json=body))[0] == 404
    assert len(emulator.tenant.objects("applications")) == 1
    me = {"@odata.id": reference(emulator, caller_id(emulator))}
    assert graph.post(f"{path}/$ref", json=me).status_code == 204
    again = error(graph.post(f"{path}/$ref", json=me))
    assert again[:2] == (400, "Request_BadRequest")
    assert "already exist" in again[2]
    assert error(graph.delete(f"{path}/{UNKNOWN_GUID}/$ref"))[0] == 404


def test_whether_the_creator_becomes_owner_is_an_assumption() -> None:
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


def test_an_application_and_its_service_principal_are_created_and_deleted(
    emulator: Emulator,
) -> None:
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


def test_an_application_has_at_most_one_service_principal(graph: httpx.Client) -> None:
    missing = graph.post("/v1.0/servicePrincipals", json={"appId": UNKNOWN_GUID})
    assert error(missing)[0] == 400
    assert "does not reference a valid application object" in error(missing)[2]
    again = graph.post("/v1.0/servicePrincipals", json={"appId": DEFAULT_APP_ID})
    assert error(again)[:2] == (409, "Request_MultipleObjectsWithSameKeyValue")


def test_the_tenant_works_without_http(emulator: Emulator) -> None:
    application = emulator.tenant.create_application("Fabrikam")
    principal = emulator.tenant.create_service_principal(application["appId"])
    emulator.tenant.delete("servicePrincipals", principal["id"])
    with pytest.raises(NotFoundError, match="does not exist"):
        emulator.tenant.secrets("servicePrincipals", principal["id"])
