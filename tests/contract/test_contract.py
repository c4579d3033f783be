"""The emulator matches Microsoft's metadata: paths, bodies, parameters, enumerations.

The metadata's facts are in contract/facts.json, taken out by contract/extract.py. The routes are
the emulator's own: a new one is compared as soon as it is there, and is red until it can be.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from contract.extract import single
from contract.metadata import BEYOND, Comparison, Metadata, NoSuchPathError, Resource
from entra_emulator import (
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from entra_emulator.graph.access import Access
from entra_emulator.graph.routes import graph_routes
from entra_emulator.tenant.secret_keys import SECRET_KEYS, SETTING_KEYS
from support.emulator_clients import JOBS, authorized

METADATA = Metadata()
GUID = "11111111-2222-4333-8444-555555555555"
PAIRS = [{"key": "SecretToken", "value": "a-token"}]

# A valid body for every action, with all its parameters, and for everything that is created,
# changed or replaced by its type.
EXAMPLES: dict[str, dict[str, Any]] = {
    "acquireAccessToken": {"credentials": PAIRS},
    "instantiate": {"displayName": "Fabrikam", "serviceManagementReference": "42"},
    "pause": {},
    "provisionOnDemand": {
        "parameters": [{"ruleId": GUID, "subjects": [{"objectId": GUID, "objectTypeName": "User"}]}]
    },
    "restart": {"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}},
    "start": {},
    "validateCredentials": {
        "applicationIdentifier": "scim",
        "templateId": "scim",
        "useSavedCredentials": False,
        "credentials": [*PAIRS, {"key": "BaseAddress", "value": "https://scim.example/v2"}],
    },
    "POST application": {"displayName": "Fabrikam"},
    "POST synchronizationJob": {"templateId": "scim"},
    "PATCH application": {"displayName": "Fabrikam 2"},
    "PATCH servicePrincipal": {"displayName": "Fabrikam 2"},
    "PATCH synchronizationJob": {"schedule": {"state": "Disabled"}},
    "PUT synchronizationSecretKeyStringValuePair": {"value": PAIRS},
}

Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Served:
    """A route of the emulator with its entry in Microsoft's metadata."""

    method: str
    path: str
    resource: Resource

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def example(self) -> str:
        """The name of its body in `EXAMPLES`."""
        if self.resource.action:
            return str(self.resource.action["name"])
        return f"{self.method} {self.resource.item}{'/$ref' * self.resource.is_reference}"


@pytest.fixture
def graph(emulator: Emulator) -> Iterator[httpx.Client]:
    with authorized(emulator) as client:
        yield client


@pytest.fixture
def routes(emulator: Emulator) -> list[tuple[str, str]]:
    """Method and path of every route of Graph, with `{…}` for parameters."""
    found = []
    access = Access(emulator.tenant, emulator.authority)
    for route in graph_routes(emulator.tenant, emulator.authority, access):
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        if path.startswith("/v1.0"):
            # Starlette answers HEAD wherever it answers GET.
            methods = (route.methods or set()) - {"HEAD"}
            found += [(method, path.removeprefix("/v1.0")) for method in methods]
    assert found
    return sorted(found, key=lambda item: (item[1], item[0]))


@pytest.fixture
def served(routes: list[tuple[str, str]]) -> list[Served]:
    """The routes, ordered so that each has an object to act on."""
    known = [Served(method, path, METADATA.resource(path)) for method, path in routes]
    order = ["GET", "POST", "PUT", "PATCH", "DELETE"]

    def turn(route: Served) -> tuple[int, int]:
        deep = route.path.count("/")
        return order.index(route.method), -deep if route.method == "DELETE" else deep

    return sorted(known, key=turn)


def allowed(here: Resource) -> set[str]:
    """The methods that OData has for a resource.

    https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html
    """
    if here.action:
        return {"POST"}
    if here.function or here.is_count:
        return {"GET"}
    if here.is_reference:
        return {"GET", "POST"} if here.is_collection else {"GET", "PUT", "DELETE"}
    if here.is_property:
        return {"GET", "PUT", "DELETE"}
    if here.is_collection:
        return {"GET", "POST"} if here.is_contained else {"GET"}
    return {"GET", METADATA.update_method(here), "DELETE"} if here.is_contained else {"GET"}


def test_every_route_of_the_emulator_is_in_the_metadata(
    routes: list[tuple[str, str]], record_property: Record
) -> None:
    problems = []
    for method, path in routes:
        try:
            if method not in allowed(METADATA.resource(path)):
                problems.append(f"{method} {path}: Graph has no such method there")
        except NoSuchPathError as error:
            problems.append(f"{method} {path}: {error}")
    assert not problems, "\n".join(problems)
    source = METADATA.source
    record_property("contract source", f"{source['commit'][:8]} of {source['date']}")
    record_property("contract routes", [f"{method} {path}" for method, path in routes])


class Walk:
    """Calls routes of a running emulator with existing ids and a valid body."""

    def __init__(self, graph: httpx.Client) -> None:
        self._graph = graph

    def call(self, route: Served, body: Any = None, path: str | None = None) -> httpx.Response:
        if path is None:
            path = self.filled(route.path)
        if body is None:
            body = self.body(route)
        return self._graph.request(route.method, f"/v1.0{path}", json=body)

    def body(self, route: Served) -> Any:
        if route.method in ("GET", "DELETE"):
            return None
        if route.example == "POST servicePrincipal":
            return {"appId": self._new_application()["appId"]}
        if route.example == "POST directoryObject/$ref":
            given = {"appId": self._new_application()["appId"]}
            owner = self._graph.post("/v1.0/servicePrincipals", json=given).raise_for_status()
            url = f"{self._graph.base_url}v1.0/directoryObjects/{owner.json()['id']}"
            return {"@odata.id": url}
        assert route.example in EXAMPLES, f"{route}: EXAMPLES has no body '{route.example}'"
        return copy.deepcopy(EXAMPLES[route.example]) or None

    def filled(self, path: str) -> str:
        """The path with ids from its collections."""
        done = ""
        for segment in path.removeprefix("/").split("/"):
            if segment.startswith("{"):
                done += f"/{self._item(done)['id']}"
            elif named := re.fullmatch(r"(\w+)\((\w+)='\{\w+\}'\)", segment):
                done += f"/{named[1]}({named[2]}='{self._item(f'{done}/{named[1]}')[named[2]]}')"
            elif named := re.fullmatch(r"(\w+)\('\{\w+\}'\)", segment):
                done += f"/{named[1]}('{self._item(f'{done}/{named[1]}')['id']}')"
            else:
                done += f"/{segment}"
        return done

    def _item(self, collection: str) -> dict[str, Any]:
        # Graph has these, and lists them in other ways than others.
        if collection == "/directory/deletedItems":
            application = self._new_application()
            path = f"/v1.0/applications/{application['id']}"
            self._graph.delete(path).raise_for_status()
            return application
        if collection == "/directoryObjects":
            return self._item("/servicePrincipals")
        answer = self._graph.get(f"/v1.0{collection}").raise_for_status().json()
        if not answer["value"]:
            is_contained = METADATA.resource(collection).is_contained
            path = collection if is_contained else f"{collection}/$ref"
            self.call(Served("POST", path, METADATA.resource(path))).raise_for_status()
            return self._item(collection)
        item: dict[str, Any] = answer["value"][0]
        return item

    def _new_application(self) -> dict[str, Any]:
        answer = self._graph.post("/v1.0/applications", json=EXAMPLES["POST application"])
        application: dict[str, Any] = answer.raise_for_status().json()
        return application


def described(context: str) -> str:
    """The type of a body by its `@odata.context`."""
    fragment = unquote(context.partition("/v1.0/$metadata#")[2])
    if "microsoft.graph." in fragment and "/" not in fragment:
        return fragment.replace("microsoft.graph.", "")
    # What $select leaves is named in brackets.
    fragment = re.sub(r"\(\w+(,\w+)*\)(?=/|$)", "", fragment)
    here = METADATA.resource(fragment.removesuffix("/$entity"))
    return here.item if fragment.endswith("/$entity") else str(here.type)


def is_answered_with_a_body(route: Served) -> bool:
    if route.resource.is_reference:
        return route.method == "GET"
    return route.method == "GET" or (route.method == "POST" and route.resource.type is not None)


def expected_status(route: Served) -> set[int]:
    if not is_answered_with_a_body(route):
        return {204}
    if route.resource.action:
        return {200, 201}
    return {201} if route.method == "POST" else {200}


def compare_answer(answer: httpx.Response, route: Served, to: Comparison) -> None:
    if answer.status_code not in expected_status(route):
        to.problems.append(f"{route} answers {answer.status_code} {answer.text}")
    elif route.resource.is_count:
        # https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html
        if not (answer.text.isdigit() and answer.headers["content-type"].startswith("text/plain")):
            to.problems.append(f"{route} answers no number: {answer.text}")
    elif is_answered_with_a_body(route):
        is_created = route.method == "POST" and not route.resource.action
        type_name = route.resource.item if is_created else str(route.resource.type)
        compare_body(answer.json(), type_name, str(route), to)
    elif answer.content:
        to.problems.append(f"{route} answers a body, and there is none")


def compare_body(body: dict[str, Any], type_name: str, place: str, to: Comparison) -> None:
    context = described(body.pop("@odata.context", ""))
    if context != type_name and single(type_name) not in METADATA.ancestry(single(context)):
        to.problems.append(f"{place} names its context a {context}, and is a {type_name}")
    if type_name.startswith("Collection("):
        beside = body.keys() - {"value", "@odata.nextLink", "@odata.count"}
        to.problems += [f"{place} has '{name}' beside 'value'" for name in sorted(beside)]
        METADATA.compare(body.get("value"), type_name, place, to)
    else:
        METADATA.compare(body, type_name, place, to)


def test_every_answer_has_the_type_in_the_metadata(
    served: list[Served], graph: httpx.Client, record_property: Record
) -> None:
    found, walk = Comparison(), Walk(graph)
    for route in served:
        compare_answer(walk.call(route), route, found)
    assert not found.problems, "\n".join(found.problems)
    record(found, record_property)


def record(found: Comparison, record_property: Record) -> None:
    record_property("contract properties", sorted(found.properties))
    record_property("contract enum members", sorted(found.members))


def test_the_metadata_still_lacks_the_extra_properties() -> None:
    for type_name, properties in BEYOND.items():
        assert [name for name in properties if METADATA.has(type_name, name)] == []


def test_a_job_in_every_status_has_its_type(
    emulator: Emulator, graph: httpx.Client, record_property: Record
) -> None:
    found = Comparison()
    states: list[dict[str, Any]] = [
        {"code": code} for code in METADATA.members("synchronizationStatusCode")
    ]
    states += [
        {"code": "Quarantine", "reason": reason, "error_code": "SalesforceInvalidCredentials"}
        for reason in METADATA.members("quarantineReason")
    ]
    for state in states:
        emulator.tenant.set_job_status(DEFAULT_SERVICE_PRINCIPAL_ID, **state)
        answer = graph.get(JOBS).raise_for_status().json()
        status = answer["value"][0]["status"]
        assert status["code"] == state["code"]
        assert (status["quarantine"] or {}).get("reason") == state.get("reason")
        compare_body(answer, "Collection(synchronizationJob)", str(state), found)
    assert not found.problems, "\n".join(found.problems)
    record(found, record_property)


def test_the_secret_keys_are_those_of_the_metadata(record_property: Record) -> None:
    members = METADATA.members("synchronizationSecret")
    assert len(members) == 45
    assert members == SECRET_KEYS
    assumed = Assumptions()
    named = {*SETTING_KEYS, *assumed.exchange_keys, *assumed.issued_keys}
    named |= assumed.masked_keys | assumed.unemptiable_keys
    assert named <= members.keys()
    assert assumed.status_when_authorized in METADATA.members("synchronizationStatusCode")
    names = [f"synchronizationSecret.{name}" for name in members]
    record_property("contract enum members", names)


def writes(served: list[Served]) -> Iterator[tuple[Served, dict[str, Any]]]:
    """The routes with a body, each with the types that the body can hold."""
    for route in served:
        here = route.resource
        if here.action:
            yield route, {name: fact["type"] for name, fact in here.action["parameters"].items()}
        elif route.method in ("POST", "PUT", "PATCH") and not here.is_reference:
            if here.is_property:
                yield route, {"value": here.type}
            else:
                properties = METADATA.properties(here.item)
                yield route, {name: fact["type"] for name, fact in properties.items()}


def test_every_action_accepts_exactly_the_parameters_in_the_metadata(
    served: list[Served], graph: httpx.Client
) -> None:
    walk = Walk(graph)
    for route, types in writes(served):
        body = walk.body(route) or {}
        if route.resource.action:
            assert body.keys() == types.keys(), f"{route}: EXAMPLES lacks a parameter"
        assert body.keys() <= types.keys()
        if types:
            answer = walk.call(route, body | {"invented": "value"})
            assert answer.status_code == 400, f"{route} takes a name that Microsoft does not have"
            assert "invented" in answer.json()["error"]["message"]


def test_every_enumeration_accepts_exactly_the_members_in_the_metadata(
    served: list[Served], graph: httpx.Client, record_property: Record
) -> None:
    walk = Walk(graph)
    members: set[str] = set()
    tried: set[tuple[str | int, ...]] = set()
    for route, types in writes(served):
        body = walk.body(route) or {}
        places = [
            ([name, *way], enum)
            for name, value in body.items()
            for way, enum in METADATA.enum_places(value, types[name])
        ]
        path = walk.filled(route.path)
        for way, enum in places:
            known = METADATA.members(enum)
            for name in ("Invented", [*known][1].swapcase()):
                answer = walk.call(route, changed(body, way, name), path)
                assert answer.is_error, f"{route} takes '{name}' as a {enum}"
            unknown = refusal(answer, name)
            # The same action under another of its names takes what that takes.
            reported = (
                route.example,
                route.path.strip("/").partition("/")[0].partition("(")[0],
                *way,
            )
            for name in known if reported not in tried else []:
                answer = walk.call(route, changed(body, way, name), path)
                assert refusal(answer, name) != unknown, f"{route} knows no {name}"
                members.add(f"{enum}.{name}")
            tried.add(reported)
    assert members
    record_property("contract enum members", sorted(members))


def refusal(answer: httpx.Response, name: str) -> tuple[int, str]:
    """The answer without the names that were sent."""
    message = answer.json()["error"]["message"] if answer.is_error else ""
    return answer.status_code, message.replace(name, "…")


def changed(body: dict[str, Any], way: list[str | int], value: str) -> dict[str, Any]:
    """The body with one value replaced."""
    changed = copy.deepcopy(body)
    item: Any = changed
    for step in way[:-1]:
        item = item[step]
    item[way[-1]] = value
    return changed


# What would otherwise hold for anything


@pytest.mark.parametrize(
    "path",
    [
        "/users",
        "/applications/{id}/portal",
        "/applications/{id}/synchronization/tokens",
        "/applications/{id}/synchronization/acquireToken",
        "/applications/{id}/synchronization/jobs/acquireAccessToken",
        "/applications/{id}/synchronization/jobs/{job_id}/microsoft.graph.stop",
        "/applications(name='{name}')",
        "/applications/{id}/displayName/{key}",
        "/applications/{id}/$count",
        "/applications/$search",
    ],
)
def test_an_invented_path_is_not_in_the_metadata(path: str) -> None:
    with pytest.raises(NoSuchPathError):
        METADATA.resource(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"portalUrl": "x"}, "has no property 'portalUrl'"),
        ({"portal@odata.url": "x"}, "has the annotation"),
        ({"id": None}, "is null"),
        ({"id": 1}, "is no Edm.String"),
        ({"templateId": ["scim"]}, "is no Edm.String"),
        ({"schedule": "PT40M"}, "is no object"),
        ({"schedule": {"interval": "40 minutes"}}, "is no Edm.Duration"),
        ({"schedule": {"state": "Stopped"}}, "is no member of synchronizationScheduleState"),
        ({"status": {"countSuccessiveCompleteFailures": "0"}}, "is no Edm.Int64"),
        ({"status": {"escrowsPruned": 0}}, "is no Edm.Boolean"),
        ({"status": {"steadyStateLastAchievedTime": "today"}}, "is no Edm.DateTimeOffset"),
        ({"status": {"progress": None}}, "is null"),
        ({"synchronizationJobSettings": {}}, "is no list"),
        ({"@odata.type": "#microsoft.graph.application"}, "is no synchronizationJob"),
    ],
)
def test_an_invented_property_or_shape_does_not_match_the_metadata(
    changes: dict[str, Any], problem: str
) -> None:
    found = Comparison()
    METADATA.compare({"id": "scim.1", **changes}, "synchronizationJob", "the job", found)
    assert len(found.problems) == 1
    assert problem in found.problems[0]
