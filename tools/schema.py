"""Print the schema of the provider plugin, from which Pulumi generates the package's SDKs.

Its texts and types are those of the sources: `resource.py` has the inputs and outputs,
`credentials.py` the keys, the dataclasses of the lifecycle what functions return,
docs/configuration.md the settings. `make schema` writes it to the file that the plugin serves:
provider/pulumi_entra_provisioning/schema.json, which a wheel has and its sources' comments do not.

https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pulumi_entra_provisioning.identity.lookup import SETTINGS
from pulumi_entra_provisioning.properties import WIRE_NAMES
from pulumi_entra_provisioning.wire import camel_case

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = ROOT / "provider/pulumi_entra_provisioning"

NAME: Final = "entra-provisioning"

# The account that publishes the repository and the SDKs, which some languages name in every import.
OWNER: Final = "example"
REPOSITORY: Final = f"github.com/{OWNER}/pulumi-entra-provisioning"

_PLAIN: Final[dict[str, dict[str, Any]]] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "Any": {"$ref": "pulumi.json#/Any"},
}

# Pulumi's own option has another name in every language, too.
_WIRE_NAMES: Final = {**WIRE_NAMES, "retain_on_delete": "retainOnDelete"}

# What the sources call otherwise.
_ALIASES: Final = {
    "DeclaredCredentials": "Credentials",
    "Value": "str | FromEnvironment | FromFile",
    "Status": "str",
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    credentials, jobs = _classes("credentials.py"), _classes("graph/jobs.py")
    operations, resource = _classes("lifecycle/operations.py"), _classes("resource.py")
    settings = _settings()
    return {
        "$schema": "https://www.pulumi.com/schema/schema.json",
        "name": NAME,
        "displayName": "Entra Provisioning",
        "version": version("pulumi-entra-provisioning"),
        "description": "Authorize Microsoft Entra provisioning (acquireAccessToken).",
        "keywords": [
            *("pulumi", "entra", "azure-ad", "provisioning", "scim"),
            *("category/cloud", "kind/native"),
        ],
        "license": "Apache-2.0",
        "repository": f"https://{REPOSITORY}",
        "publisher": OWNER,
        "homepage": f"https://{REPOSITORY}",
        # The engine installs the plugin from there: never from an address that is not ours.
        **({} if OWNER == "example" else {"pluginDownloadURL": f"git://{REPOSITORY}"}),
        # With `supportPack`, every SDK has the version of the schema.
        "meta": {"moduleFormat": "(.*)", "supportPack": True},
        "config": {"variables": settings},
        "provider": {
            "description": "The identity and the national cloud with which Graph is called.",
            "inputProperties": settings,
        },
        "types": {
            **{
                _token(name): _object(credentials[name])
                for name in ("Credentials", "FromEnvironment", "FromFile", "NotificationSettings")
            },
            **{_token(name): _object(jobs[name]) for name in ("Template", "Job", "Quarantine")},
        },
        "resources": {_token("ProvisioningAuthorization"): _resource(resource)},
        "functions": {
            _token("getSynchronizationTemplates"): _function(
                _method(operations["Lifecycle"], "templates"),
                resource,
                {
                    "properties": {
                        "templates": {
                            "type": "array",
                            "items": _type("Template"),
                            "description": "The synchronization templates of the target.",
                        }
                    },
                    "required": ["templates"],
                },
            ),
            _token("getAuthorizationStatus"): _function(
                _method(operations["Lifecycle"], "health"),
                resource,
                _members(operations["Health"]),
            ),
        },
        # Where the names of Pulumi's own packages are the default, these are others.
        "language": {
            "csharp": {
                "rootNamespace": OWNER.capitalize(),
                "namespaces": {NAME: "EntraProvisioning"},
            },
            "go": {
                "importBasePath": f"{REPOSITORY}/sdk/go/entraprovisioning",
                "generateResourceContainerTypes": True,
            },
            "java": {"basePackage": f"io.github.{OWNER}", "buildFiles": "none"},
            "nodejs": {"packageName": "pulumi-entra-provisioning"},
            "python": {
                # Beside the package of the dynamic resource, which has the other name.
                "packageName": "pulumi_entra_provisioning_native",
                "pyproject": {"enabled": True},
            },
        },
    }


def _settings() -> dict[str, Any]:
    page = (ROOT / "docs/configuration.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE)
    # A link of that page leads nowhere from an editor.
    texts = {name: re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text) for name, text in rows}
    return {
        name: {
            "type": "boolean" if name.startswith("use") else "string",
            "description": _text(texts[name]),
            **({"secret": True} if setting.secret else {}),
        }
        for name, setting in SETTINGS.items()
    }


def _resource(sources: dict[str, ast.ClassDef]) -> dict[str, Any]:
    declared = sources["ProvisioningAuthorization"]
    inputs = _parameters(declared)
    for name in ("applicationId", "servicePrincipalId"):
        inputs[name]["willReplaceOnChanges"] = True
    inputs["credentials"]["secret"] = True
    return {
        "description": _text(ast.get_docstring(declared) or ""),
        **_members(declared),
        "inputProperties": inputs,
        "requiredInputs": ["credentials"],
        "aliases": [{"type": f"pulumi-python:dynamic/{NAME}:ProvisioningAuthorization"}],
    }


def _function(
    step: ast.AsyncFunctionDef, sources: dict[str, ast.ClassDef], outputs: dict[str, Any]
) -> dict[str, Any]:
    inputs = _parameters(sources["ProvisioningAuthorization"])
    names = ("applicationId", "servicePrincipalId")
    targets = {
        name: {
            **inputs[name],
            "description": inputs[name]["description"].removesuffix(
                " A change replaces the resource."
            ),
        }
        for name in names
    }
    return {
        "description": _text(ast.get_docstring(step) or ""),
        "inputs": {"properties": targets},
        "outputs": outputs,
    }


def _parameters(declared: ast.ClassDef) -> dict[str, Any]:
    """The parameters of the constructor that are inputs, with their texts."""
    constructor = [
        item
        for item in declared.body
        if isinstance(item, ast.FunctionDef) and item.name == "__init__"
    ][-1]
    document = ast.get_docstring(constructor) or ""
    texts = dict(re.findall(r"^:param (\w+): (.*(?:\n    .*)*)", document, re.MULTILINE))
    parameters = [argument for argument in constructor.args.kwonlyargs if argument.arg != "opts"]
    return {
        camel_case(parameter.arg): {
            **_type(ast.unparse(parameter.annotation or ast.Constant(None))),
            "description": _text(texts[parameter.arg]),
        }
        for parameter in parameters
    }


def _classes(path: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse((PACKAGE / path).read_text())
    return {item.name: item for item in tree.body if isinstance(item, ast.ClassDef)}


def _method(declared: ast.ClassDef, name: str) -> ast.AsyncFunctionDef:
    (found,) = (
        item
        for item in declared.body
        if isinstance(item, ast.AsyncFunctionDef) and item.name == name
    )
    return found


def _object(declared: ast.ClassDef) -> dict[str, Any]:
    described = {"description": _text(ast.get_docstring(declared) or ""), "type": "object"}
    members = _members(declared)
    if any(keyword.arg == "total" for keyword in declared.keywords):
        del members["required"]
    return {**described, **members}


def _members(declared: ast.ClassDef) -> dict[str, Any]:
    """The attributes of a class with their types and the texts below them."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for attribute, text in _attributes(declared):
        name = camel_case(ast.unparse(attribute.target))
        annotation = ast.unparse(attribute.annotation)
        described = {"description": _text(text)} if text else {}
        properties[name] = {**_type(annotation), **described}
        if "None" not in annotation and "Any" not in annotation:
            required.append(name)
    return {"properties": properties, "required": required}


def _attributes(declared: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, str]]:
    for item, below in zip(declared.body, [*declared.body[1:], ast.Pass()], strict=True):
        if isinstance(item, ast.AnnAssign):
            text = ""
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                text = str(below.value.value)
            yield item, text


def _type(annotation: str) -> dict[str, Any]:
    """The schema's type for one of Python."""
    annotation = re.sub(r"^pulumi\.(?:Input|Output)\[(.*?)\](?: \| None)?$", r"\1", annotation)
    annotation = _ALIASES.get(annotation, annotation)
    kinds = [kind for kind in annotation.split(" | ") if kind != "None"]
    if len(kinds) > 1:
        return {"oneOf": [_type(kind) for kind in kinds]}
    (kind,) = kinds
    if items := re.fullmatch(r"Sequence\[(\w+)\]", kind):
        return {"type": "array", "items": _type(items[1])}
    return dict(_PLAIN.get(kind) or {"$ref": f"#/types/{_token(kind)}"})


def _token(name: str) -> str:
    return f"{NAME}:index:{name}"


def _text(text: str) -> str:
    """A text of the sources as one for every language: no line breaks in a paragraph.

    What begins with "In Python," is left out, and `job_id` becomes `jobId`.
    """
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    for_all = (re.sub(r" In Python, .*", "", paragraph) for paragraph in paragraphs)
    named = (
        re.sub(r"(?<=`)\w+(?=`)", lambda found: _WIRE_NAMES.get(found[0], found[0]), paragraph)
        for paragraph in for_all
    )
    whole = "\n\n".join(named)
    return whole[:1].upper() + whole[1:]


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    print()
