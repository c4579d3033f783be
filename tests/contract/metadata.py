"""Microsoft's metadata in `facts.json`: the paths, and what a body can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .extract import single

Fact = dict[str, Any]

_NUMBERS = {"Edm.Byte": 8, "Edm.Int16": 15, "Edm.Int32": 31, "Edm.Int64": 63}
_TEXTS = {
    "Edm.String": r"(?s).*",
    "Edm.Guid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "Edm.DateTimeOffset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)",
    "Edm.Date": r"\d{4}-\d\d-\d\d",
    "Edm.Duration": r"-?P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?",
    "Edm.Binary": r"[A-Za-z0-9_+/-]*={0,2}",
}
# https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html
_ANNOTATIONS = {"@odata.context", "@odata.count", "@odata.id", "@odata.nextLink", "@odata.type"}

BEYOND = {"servicePrincipal": {"createdDateTime": {"type": "Edm.DateTimeOffset"}}}
"""Properties that Graph answers and its metadata lacks.

servicePrincipal.createdDateTime: https://github.com/microsoftgraph/msgraph-sdk-java/issues/2246
"""


class NoSuchPathError(Exception):
    """Microsoft's metadata has no such path."""


@dataclass(frozen=True)
class Resource:
    """What a path names: the type of what is there, and how it is reached."""

    type: str | None
    is_property: bool = False
    is_reference: bool = False
    is_count: bool = False
    is_contained: bool = True
    action: Fact | None = None
    function: Fact | None = None

    @property
    def is_collection(self) -> bool:
        return (self.type or "").startswith("Collection(")

    @property
    def item(self) -> str:
        return single(self.type or "")


@dataclass
class Comparison:
    """What a body was compared with, and what did not agree."""

    properties: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


class Metadata:
    """The facts, to be asked."""

    def __init__(self) -> None:
        facts = json.loads(Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))
        self.source: dict[str, str] = facts["source"]
        self.enums: dict[str, Fact] = facts["enums"]
        self.actions: list[Fact] = facts["actions"]
        self._functions: list[Fact] = facts["functions"]
        self._beginnings: dict[str, str] = facts["beginnings"]
        self._types: dict[str, Fact] = facts["types"]

    # Types

    def members(self, enum: str) -> dict[str, int]:
        members: dict[str, int] = self.enums[enum]["members"]
        return members

    def ancestry(self, type_name: str) -> Iterator[str]:
        """The type, its base type, and so on."""
        name: str | None = type_name
        while name is not None:
            yield name
            name = self._type(name).get("base")

    def properties(self, type_name: str) -> dict[str, Fact]:
        """What a body of the type may hold, by name."""
        found: dict[str, Fact] = {}
        for name in self.ancestry(type_name):
            fact = self._type(name)
            found |= fact["properties"] | BEYOND.get(name, {})
            # A service may expand what an object contains without being asked to.
            for key in fact.get("contained", []) if fact["entity"] else fact["navigation"]:
                found[key] = {"type": fact["navigation"][key]}
        return found

    def knows(self, type_name: str) -> bool:
        """Whether facts.json has the type."""
        return type_name in self._types

    def has(self, type_name: str, name: str) -> bool:
        """Whether Microsoft's metadata has the property in that very type."""
        fact = self._type(type_name)
        return name in fact["properties"] or name in fact["navigation"]

    def _type(self, name: str) -> Fact:
        if name not in self._types:
            raise NoSuchPathError(f"facts.json has no type '{name}': see ROOTS in extract.py")
        return self._types[name]

    def _inherited(self, type_name: str, name: str) -> list[str]:
        return [item for t in self.ancestry(type_name) for item in self._type(t).get(name, [])]

    # Paths

    def resource(self, path: str) -> Resource:
        """What a path after `/v1.0` names. Any text is taken for a key."""
        first, *rest = path.strip("/").split("/")
        name, key = _with_key(first)
        if name not in self._beginnings:
            raise NoSuchPathError(f"facts.json has no path that begins with '{name}'")
        here = Resource(self._beginnings[name])
        if key is not None:
            here = self._keyed(here, key)
        for segment in rest:
            here = self._next(here, segment)
        return here

    def update_method(self, here: Resource) -> str:
        methods = self._inherited(here.item, "updateMethod")
        return "PUT" if methods else "PATCH"

    def _next(self, here: Resource, segment: str) -> Resource:
        if here.type is None or here.action or here.is_reference or here.is_count:
            raise NoSuchPathError(f"nothing comes before '/{segment}'")
        if segment == "$ref" and not here.is_property:
            return Resource(here.type, is_reference=True, is_contained=here.is_contained)
        if segment == "$count" and here.is_collection:
            return Resource("Edm.Int64", is_count=True)
        if segment.startswith("$"):
            raise NoSuchPathError(f"{here.type} has no '{segment}'")
        name, key = _with_key(segment)
        plain = name.removeprefix("microsoft.graph.")
        for operation in self._bound(self.actions, here, plain):
            return Resource((operation.get("returns") or {}).get("type"), action=operation)
        if key is not None:
            for operation in self._bound(self._functions, here, plain):
                return Resource(operation["returns"]["type"], function=operation)
        if here.is_collection:
            if name.isidentifier():
                raise NoSuchPathError(f"'{name}' is neither a key nor an action of {here.type}")
            return self._keyed(here, segment)
        return self._member(here, name, key)

    def _member(self, here: Resource, name: str, key: str | None) -> Resource:
        for type_name in self.ancestry(here.item):
            fact = self._type(type_name)
            if name in fact["navigation"]:
                contained = name in fact.get("contained", [])
                found = Resource(fact["navigation"][name], is_contained=contained)
                return found if key is None else self._keyed(found, key)
            if name in fact["properties"] and key is None:
                return Resource(fact["properties"][name]["type"], is_property=True)
        raise NoSuchPathError(f"{here.item} has no '{name}'")

    def _keyed(self, here: Resource, key: str) -> Resource:
        if not here.is_collection or here.is_property:
            raise NoSuchPathError(f"{here.type} takes no key")
        named = re.match(r"(\w+)=", key)
        if named and named[1] not in self._inherited(here.item, "keys") + self._inherited(
            here.item, "alternateKeys"
        ):
            raise NoSuchPathError(f"'{named[1]}' is no key of {here.item}")
        return Resource(here.item, is_contained=here.is_contained)

    def _bound(self, operations: list[Fact], here: Resource, name: str) -> Iterator[Fact]:
        if here.is_property:
            return
        for type_name in self.ancestry(here.item):
            binding = f"Collection({type_name})" if here.is_collection else type_name
            for operation in operations:
                if operation["name"] == name and operation["binding"] == binding:
                    yield operation

    # Bodies

    def compare(self, value: Any, type_name: str, place: str, to: Comparison) -> None:
        """Compares a JSON value with its type, and goes down into what it holds."""
        if type_name.startswith("Collection("):
            if not isinstance(value, list):
                to.problems.append(f"{place} is no list")
                return
            for item in value:
                self.compare(item, single(type_name), f"{place}[]", to)
        elif type_name.startswith("Edm."):
            if not _is_primitive(value, type_name):
                to.problems.append(f"{place} is no {type_name}: {value!r}")
        elif type_name in self.enums:
            self._compare_members(value, type_name, place, to)
        elif not isinstance(value, dict):
            to.problems.append(f"{place} is no object")
        else:
            self._compare_properties(value, type_name, place, to)

    def _compare_members(self, value: Any, enum: str, place: str, to: Comparison) -> None:
        names = str(value).split(",") if self.enums[enum]["flags"] else [str(value)]
        for name in names:
            if name.strip() in self.members(enum):
                to.members.add(f"{enum}.{name.strip()}")
            else:
                to.problems.append(f"{place} is no member of {enum}: {name!r}")

    def _compare_properties(
        self, value: dict[str, Any], type_name: str, place: str, to: Comparison
    ) -> None:
        declared = value.get("@odata.type", f"#microsoft.graph.{type_name}")
        actual = str(declared).removeprefix("#microsoft.graph.")
        if type_name not in self.ancestry(actual):
            to.problems.append(f"{place} is a {declared}, which is no {type_name}")
            return
        properties = self.properties(actual)
        for name, item in value.items():
            if "@" in name:
                if name[name.index("@") :] not in _ANNOTATIONS:
                    to.problems.append(f"{place} has the annotation '{name}'")
            elif name not in properties:
                to.problems.append(f"{actual} has no property '{name}', which {place} has")
            else:
                to.properties |= {
                    f"{owner}.{name}" for owner in self.ancestry(actual) if self.has(owner, name)
                }
                fact = properties[name]
                if item is not None:
                    self.compare(item, fact["type"], f"{place}.{name}", to)
                elif fact.get("nullable") is False or fact["type"].startswith("Collection("):
                    to.problems.append(f"{place}.{name} is null")

    def enum_places(self, value: Any, type_name: str) -> Iterator[tuple[list[str | int], str]]:
        """Where in a body an enumeration's member stands: the way there, and the enumeration."""
        if type_name.startswith("Collection("):
            for index, item in enumerate(value):
                for way, enum in self.enum_places(item, single(type_name)):
                    yield [index, *way], enum
        elif type_name in self.enums:
            yield [], type_name
        elif isinstance(value, dict):
            properties = self.properties(type_name)
            for name, item in value.items():
                if name in properties and item is not None:
                    for way, enum in self.enum_places(item, properties[name]["type"]):
                        yield [name, *way], enum


def _with_key(segment: str) -> tuple[str, str | None]:
    """`servicePrincipals(appId='…')` as its name and what stands in the brackets."""
    match = re.fullmatch(r"([\w.]+)\((.*)\)", segment)
    return (match[1], match[2]) if match else (segment, None)


def _is_primitive(value: Any, type_name: str) -> bool:
    if type_name in _TEXTS:
        return isinstance(value, str) and re.fullmatch(_TEXTS[type_name], value) is not None
    if type_name in _NUMBERS:
        limit = 1 << _NUMBERS[type_name]
        return type(value) is int and -limit <= value < limit
    if type_name == "Edm.Boolean":
        return isinstance(value, bool)
    if type_name in ("Edm.Single", "Edm.Double", "Edm.Decimal"):
        return type(value) in (int, float)
    raise NotImplementedError(type_name)
