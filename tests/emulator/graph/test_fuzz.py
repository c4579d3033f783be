"""The emulator answers any request to Graph's paths and keeps running."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from contract.extract import single
from contract.metadata import Metadata, Resource
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
)
from entra_emulator.graph.access import Access
from entra_emulator.graph.routes import graph_routes
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from live.place import NON_GALLERY
from support.emulator_clients import authorized

METADATA = Metadata()

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON."""

_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "Edm.String": st.text(max_size=40),
    "Edm.Boolean": st.booleans(),
    "Edm.Guid": st.uuids().map(str),
    "Edm.DateTimeOffset": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    "Edm.Duration": st.integers(0, 99999).map("PT{}S".format),
}


def of_type(type_name: str, depth: int = 4) -> st.SearchStrategy[Any]:
    """A value that Microsoft's metadata allows for the type, and sometimes another value."""
    if type_name.startswith("Collection("):
        right: st.SearchStrategy[Any] = st.lists(of_type(single(type_name), depth), max_size=3)
    elif type_name in METADATA.enums:
        right = st.sampled_from([*METADATA.members(type_name)])
    elif type_name.startswith("Edm."):
        right = _PRIMITIVES.get(type_name, st.integers(0, 1000))
    elif depth == 0 or not METADATA.knows(type_name):
        return ANYTHING
    else:
        right = body_of(
            {name: fact["type"] for name, fact in METADATA.properties(type_name).items()}, depth - 1
        )
    return st.integers(0, 19).flatmap(lambda chance: right if chance else ANYTHING)


def body_of(types: dict[str, str], depth: int = 4) -> st.SearchStrategy[Any]:
    """An object with some of these properties, and sometimes an unknown one."""
    if not types:
        return ANYTHING

    def of_names(names: list[str]) -> st.SearchStrategy[Any]:
        return st.fixed_dictionaries({name: of_type(types[name], depth) for name in names})

    some = st.lists(st.sampled_from(sorted(types)), max_size=4, unique=True).flatmap(of_names)
    extra = st.dictionaries(st.text(max_size=10), ANYTHING, max_size=1)
    return st.tuples(some, st.just({}) | extra).map(lambda both: both[0] | both[1])


def body(method: str, here: Resource) -> st.SearchStrategy[Any]:
    if here.action:
        return body_of({name: fact["type"] for name, fact in here.action["parameters"].items()})
    if here.is_reference:
        return body_of({"@odata.id": "Edm.String"})
    if here.is_property:
        return body_of({"value": str(here.type)})
    if method in ("POST", "PATCH"):
        facts = METADATA.properties(here.item)
        return body_of({name: fact["type"] for name, fact in facts.items()})
    return ANYTHING


def key(method: str, before: str, name: str) -> st.SearchStrategy[str]:
    """A value for `{name}`: mostly an existing object, unless the request deletes it."""
    known = {
        "/applications/": DEFAULT_APPLICATION_ID,
        "/servicePrincipals/": DEFAULT_SERVICE_PRINCIPAL_ID,
        "/applicationTemplates/": NON_GALLERY,
        "/directoryObjects/": DEFAULT_SERVICE_PRINCIPAL_ID,
    }
    there = DEFAULT_APP_ID if name == "app_id" else known.get(before, "scim")
    anything = st.sampled_from([*known.values(), "..", "$ref"]) | st.text(max_size=40)
    if method == "DELETE":
        return anything.filter(lambda text: text.lower() not in (there, *known.values()))
    return st.integers(0, 4).flatmap(lambda chance: st.just(there) if chance else anything)


QUERIES = st.dictionaries(
    st.sampled_from(["$filter", "$select", "$top", "$count", "$skiptoken", "$search"]) | st.text(),
    st.sampled_from(["appId eq 'x'", "id,appId", "1", "true", "(", "'", "a eq b or c"]) | st.text(),
    max_size=2,
)


@st.composite
def requests(draw: st.DrawFn, routes: list[tuple[str, str]]) -> dict[str, Any]:
    method, path = draw(st.sampled_from(routes))
    sent: dict[str, Any] = {"params": draw(QUERIES) if draw(st.booleans()) else None}
    if method != "GET":
        kind = draw(st.integers(0, 9))
        if kind == 0:
            sent["content"] = draw(st.binary(max_size=200))
            sent["headers"] = {"Content-Type": "application/json"}
        else:
            sent["json"] = draw(body(method, METADATA.resource(path)))
    filled = ""
    for before, name in re.findall(r"([^{]*)(?:\{(\w+)\})?", path):
        filled += before
        if name:
            filled += quote(draw(key(method, filled, name)), safe="") or "%20"
    return {"method": method, "url": f"/v1.0{filled}", **sent}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def graph(emulator: Emulator) -> Iterator[httpx.Client]:
    with authorized(emulator) as client:
        yield client


@pytest.fixture(scope="module")
def routes(emulator: Emulator) -> list[tuple[str, str]]:
    access = Access(emulator.tenant, emulator.authority)
    return sorted(
        (method, re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path).removeprefix("/v1.0"))
        for route in graph_routes(emulator.tenant, emulator.authority, access)
        if route.path.startswith("/v1.0")
        for method in (route.methods or set()) - {"HEAD"}
    )


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_request_gets_an_answer_of_graph(
    data: st.DataObject, graph: httpx.Client, routes: list[tuple[str, str]]
) -> None:
    answer = graph.request(**data.draw(requests(routes)))
    event(f"{answer.status_code}")
    if not answer.is_error:
        assert (answer.status_code == 204) == (not answer.content)
        return
    error = answer.json()["error"]
    assert answer.headers["content-type"].startswith("application/json")
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str)
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    # What Graph is known to answer for a key that it does not have is the only 500.
    if answer.status_code >= 500:
        assert (answer.status_code, error["code"]) in {
            (500, "InternalError"),
            (501, "NotImplemented"),
        }


@pytest.mark.parametrize(
    "end", ["x/oauth2/v2.0/token", "openid-configuration", "x/discovery/v2.0/keys"]
)
def test_an_id_that_ends_like_a_path_of_entra_is_answered_by_graph(
    graph: httpx.Client, end: str
) -> None:
    answer = graph.get(f"/v1.0/applications/{quote(f'x/{end}', safe='')}")
    assert answer.headers["request-id"] == answer.json()["error"]["innerError"]["request-id"]
