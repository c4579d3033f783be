"""Extract the facts that tests/contract/test_contract.py needs from Microsoft's metadata.

To be run by hand, when Microsoft has published new metadata or the emulator has grown a type:

    git clone https://github.com/microsoftgraph/msgraph-metadata
    cd msgraph-metadata
    python <this file> schemas/v1.0-Prod.csdl $(git log -1 --format='%H %cs')

The arguments are the CSDL file, and the commit and the date that it comes from. What is written,
`facts.json` beside this file, is sorted: a second run over the same file changes nothing.

`ROOTS` are the types to begin with. Taken along are the actions and functions that are bound to
them, and every type and enumeration that a body of theirs can hold. Types of navigation properties
are only named. The prefix `microsoft.graph.` is left out everywhere.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

ROOTS = [
    "application",
    "applicationServicePrincipal",
    "applicationTemplate",
    "directory",
    "directoryObject",
    "servicePrincipal",
    "synchronization",
    "synchronizationJob",
    "synchronizationSchema",
    "synchronizationTemplate",
]

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_CORE = "Org.OData.Core.V1"
_CAPABILITIES = "Org.OData.Capabilities.V1"


def short(type_name: str) -> str:
    """`Collection(graph.addIn)` as `Collection(addIn)`."""
    return re.sub(r"\b(microsoft\.)?graph\.(?=\w+\b(?!\.))", "", type_name)


def single(type_name: str) -> str:
    """The type of a collection's items."""
    return type_name.removeprefix("Collection(").removesuffix(")")


class Csdl:
    """A parsed CSDL file."""

    def __init__(self, path: Path) -> None:
        # The schema of microsoft.graph itself; the others are namespaces of other services.
        schemas = ElementTree.parse(path).iter(f"{_EDM}Schema")
        self._schema = next(s for s in schemas if s.get("Namespace") == "microsoft.graph")
        self._types = {
            item.attrib["Name"]: item
            for kind in ("EntityType", "ComplexType")
            for item in self._schema.iter(_EDM + kind)
        }
        self._enums = {item.attrib["Name"]: item for item in self._schema.iter(f"{_EDM}EnumType")}
        self.types: dict[str, Any] = {}
        self.enums: dict[str, Any] = {}

    def take(self, name: str) -> None:
        """Add a type with every type that its body can hold."""
        if name in self.types or name in self.enums or name.startswith("Edm."):
            return
        if name in self._enums:
            item = self._enums[name]
            self.enums[name] = {
                "flags": item.get("IsFlags") == "true",
                "members": {
                    m.attrib["Name"]: int(m.attrib["Value"]) for m in item.iter(_EDM + "Member")
                },
            }
            return
        item = self._types[name]
        fact: dict[str, Any] = {
            "entity": item.tag == _EDM + "EntityType",
            "properties": {p.attrib["Name"]: _typed(p) for p in item.findall(f"{_EDM}Property")},
            "navigation": {
                p.attrib["Name"]: short(p.attrib["Type"])
                for p in item.findall(f"{_EDM}NavigationProperty")
            },
        }
        contained = [
            p.attrib["Name"]
            for p in item.findall(f"{_EDM}NavigationProperty")
            if p.get("ContainsTarget") == "true"
        ]
        if contained:
            fact["contained"] = contained
        if base := item.get("BaseType"):
            fact["base"] = short(base)
        if keys := [r.attrib["Name"] for r in item.iterfind(f"{_EDM}Key/{_EDM}PropertyRef")]:
            fact["keys"] = keys
        if alternates := self._alternate_keys(item):
            fact["alternateKeys"] = alternates
        if method := self._update_method(name):
            fact["updateMethod"] = method
        self.types[name] = fact
        for property in fact["properties"].values():
            self.take(single(property["type"]))
        if "base" in fact:
            self.take(fact["base"])
        # In an entity, a navigation property is a path of its own.
        for type_name in () if fact["entity"] else fact["navigation"].values():
            self.take(single(type_name))

    def operations(self, tag: str) -> list[dict[str, Any]]:
        """The actions or functions that are bound to a root, with the types that they need."""
        found = []
        for item in self._schema.findall(_EDM + tag):
            binding, *parameters = item.findall(f"{_EDM}Parameter")
            bound_to = short(binding.attrib["Type"])
            if item.get("IsBound") != "true" or single(bound_to) not in ROOTS:
                continue
            fact: dict[str, Any] = {
                "name": item.attrib["Name"],
                "binding": bound_to,
                "parameters": {p.attrib["Name"]: _typed(p) for p in parameters},
            }
            returned = item.find(f"{_EDM}ReturnType")
            if returned is not None:
                fact["returns"] = _typed(returned)
                self.take(single(fact["returns"]["type"]))
            for parameter in fact["parameters"].values():
                self.take(single(parameter["type"]))
            found.append(fact)
        return sorted(found, key=lambda fact: (fact["name"], fact["binding"]))

    def beginnings(self) -> dict[str, str]:
        """The entity sets and singletons with which a path starts."""
        found = {
            item.attrib["Name"]: f"Collection({short(item.attrib['EntityType'])})"
            for item in self._schema.iter(f"{_EDM}EntitySet")
        }
        for item in self._schema.iter(f"{_EDM}Singleton"):
            found[item.attrib["Name"]] = short(item.attrib["Type"])
        return {name: type_name for name, type_name in found.items() if single(type_name) in ROOTS}

    def _alternate_keys(self, item: Element) -> list[str]:
        return [
            value.attrib["PropertyPath"]
            for annotation in item.findall(f"{_EDM}Annotation")
            if annotation.get("Term") == f"{_CORE}.AlternateKeys"
            for value in annotation.iter(f"{_EDM}PropertyValue")
            if value.get("Property") == "Name"
        ]

    def _update_method(self, name: str) -> str | None:
        for item in self._schema.findall(f"{_EDM}Annotations"):
            if item.get("Target") == f"microsoft.graph.{name}":
                for annotation in item.findall(f"{_EDM}Annotation"):
                    if annotation.get("Term") == f"{_CAPABILITIES}.UpdateRestrictions":
                        for member in annotation.iter(f"{_EDM}EnumMember"):
                            return str(member.text).rpartition("/")[2]
        return None


def _typed(item: Element) -> dict[str, Any]:
    fact: dict[str, Any] = {"type": short(item.attrib["Type"])}
    if item.get("Nullable") == "false":
        fact["nullable"] = False
    terms = {annotation.get("Term") for annotation in item.findall(f"{_EDM}Annotation")}
    if f"{_CORE}.OptionalParameter" in terms:
        fact["optional"] = True
    return fact


def extract(csdl: Path, commit: str, date: str) -> dict[str, Any]:
    read = Csdl(csdl)
    for root in ROOTS:
        read.take(root)
    actions, functions = read.operations("Action"), read.operations("Function")
    return {
        "source": {
            "repository": "https://github.com/microsoftgraph/msgraph-metadata",
            "file": f"schemas/{csdl.name}",
            "commit": commit,
            "date": date,
        },
        "beginnings": read.beginnings(),
        "types": read.types,
        "enums": read.enums,
        "actions": actions,
        "functions": functions,
    }


def one_per_line(facts: dict[str, Any]) -> str:
    """JSON with one line for each type, enumeration and operation, so that it can be diffed."""

    def compact(item: Any) -> str:
        return json.dumps(item, sort_keys=True, separators=(",", ":"))

    sections = []
    for name, section in sorted(facts.items()):
        if isinstance(section, dict):
            lines = [f"{compact(key)}:{compact(section[key])}" for key in sorted(section)]
            brackets = "{}"
        else:
            lines = [compact(item) for item in section]
            brackets = "[]"
        sections.append(f"{compact(name)}:{brackets[0]}\n" + ",\n".join(lines) + f"\n{brackets[1]}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main(csdl: str, commit: str, date: str) -> None:
    facts = extract(Path(csdl), commit, date)
    Path(__file__).with_name("facts.json").write_text(one_per_line(facts), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
