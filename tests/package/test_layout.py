"""Imports point one way, and public names are the package's own."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import distribution, packages_distributions, requires
from pathlib import Path
from types import ModuleType

import pulumi_entra_provisioning
import pytest
from support.imports import imports_of, room
from support.stack import REPOSITORY

PACKAGE = REPOSITORY / "provider/pulumi_entra_provisioning"
IMPORTS = imports_of(PACKAGE)

# Every folder and top module, the front ends first: each imports only from those after it.
ROOMS = [
    "__init__",
    "resource",
    "dynamic_provider",
    "engine",
    "session",
    "properties",
    "lifecycle",
    "graph",
    "identity",
    "network",
    "errors",
    "remedies",
    "answers",
    "redaction",
    "credentials",
    "wire",
    "text_file",
    "guid",
]

# What only these rooms import.
OWNERS = {
    "pulumi": {"resource", "dynamic_provider", "engine", "credentials"},
    "grpc": {"engine"},
    "google": {"engine"},
    "msgraph": {"graph"},
    "msgraph_core": {"graph"},
    "kiota_abstractions": {"graph"},
    "kiota_http": {"graph"},
    "kiota_authentication_azure": {"graph"},
    "httpx": {"graph", "network"},
    "requests": {"identity", "network"},
    "urllib3": {"identity", "network"},
    "azure": {"identity"},
}


def test_every_room_is_listed() -> None:
    assert {room(module) for module in IMPORTS} == set(ROOMS)


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_imports_point_one_way(module: str) -> None:
    below = ROOMS[ROOMS.index(room(module)) :]
    assert {imported for imported in IMPORTS[module].own if room(imported) not in below} == set()


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_only_its_owner_imports_a_library(module: str) -> None:
    libraries = IMPORTS[module].others & OWNERS.keys()
    assert {library for library in libraries if room(module) not in OWNERS[library]} == set()
    assert "entra_emulator" not in IMPORTS[module].others


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({module: found.own for module, found in IMPORTS.items()}).prepare()


def modules_imported(path: Path) -> Iterator[list[str]]:
    """What a file imports from other packages; of `from a import b`, `a.b` and then `a`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ([alias.name] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ([f"{node.module}.{alias.name}", str(node.module)] for alias in node.names)


def distributions_imported(folder: Path) -> set[str]:
    """The distributions whose modules the files of a folder import."""
    of_packages = packages_distributions()
    found = set()
    for path in folder.rglob("*.py"):
        for modules in modules_imported(path):
            package = modules[0].partition(".")[0]
            if package in sys.stdlib_module_names:
                continue
            names = sorted(set(of_packages[package]))
            # Where several share the name of a package, as `azure`, it is the one with the module.
            holders = [
                name
                for module in modules
                for name in names
                if len(names) == 1 or holds(name, module)
            ]
            assert holders, f"{path} imports {modules[-1]}, which is of {' or '.join(names)}"
            found.add(holders[0])
    return {normalized(name) for name in found}


def holds(name: str, module: str) -> bool:
    path = module.replace(".", "/")
    files = {str(file) for file in distribution(name).files or ()}
    return not files.isdisjoint({f"{path}.py", f"{path}/__init__.py"})


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("folder", "extra", "of_the_caller"),
    # pytest itself loads the emulator's fixtures.
    [(PACKAGE, "", set()), (REPOSITORY / "provider/entra_emulator", "emulator", {"pytest"})],
    ids=["provider", "emulator"],
)
def test_what_is_imported_is_declared_and_nothing_else(
    folder: Path, extra: str, of_the_caller: set[str]
) -> None:
    marked = [line.partition(";") for line in requires("pulumi-entra-provisioning") or ()]
    declared = {
        normalized(re.split(r"[<>=!\[ ]", requirement)[0])
        for requirement, _, marker in marked
        if "".join(re.findall(r"extra == ['\"](\w+)", marker)) == extra
    }
    assert distributions_imported(folder) - of_the_caller == declared


def test_public_names_are_the_packages_own() -> None:
    shown = {
        name
        for name, value in vars(pulumi_entra_provisioning).items()
        if not name.startswith("__") and not isinstance(value, ModuleType)
    }
    assert shown == set(pulumi_entra_provisioning.__all__)
    for name in pulumi_entra_provisioning.__all__:
        assert getattr(pulumi_entra_provisioning, name).__module__ == "pulumi_entra_provisioning"
