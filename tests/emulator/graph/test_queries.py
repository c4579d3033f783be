"""Filters, pages, counts and selected properties."""

from __future__ import annotations

import httpx
import pytest
from entra_emulator import DEFAULT_APP_ID, DEFAULT_APPLICATION_ID, Emulator
from support.emulator_clients import (
    APPLICATIONS,
    PRINCIPAL,
    PRINCIPALS,
    TEMPLATES,
    authorized,
    error,
)


def test_a_filter_finds_templates_by_name(graph: httpx.Client) -> None:
    for filter in ("displayName eq 'contoso workspace'", "contains(displayName, 'workspace')"):
        (found,) = graph.get(TEMPLATES, params={"$filter": filter}).json()["value"]
        assert found["displayName"] == "Contoso Workspace"


def test_a_collection_has_pages_and_a_count(emulator: Emulator, graph: httpx.Client) -> None:
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


def test_a_filter_accepts_quotes_and_the_word_and_inside_them(
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


def test_filter_finds_objects_by_app_id_and_select_returns_fewer_properties(
    emulator: Emulator,
) -> None:
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
