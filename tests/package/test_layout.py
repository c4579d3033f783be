"""Imports point one way, and public names are the package's own."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions, requires
from pathlib import Path

import pulumi_entra_provisioning
import pytest
from support.stack import REPOSITORY

PACKAGE = REPOSITORY / "provider/pulumi_entra_provisioning"

# Each module with those of the package that it may import, the front end first.
LAYERS = {
    "__init__": {"authorization", "credentials", "errors"},
    "authorization": {
        "engine",
        "engine_status",
        "lifecycle",
        "credentials",
        "settings",
        "errors",
        "wire",
    },
    "engine": {"engine_status"},
    "engine_status": set(),
    "lifecycle": {
        "graph",
        "credentials",
        "references",
        "settings",
        "waiting",
        "errors",
        "target",
        "synchronization_secret",
        "wire",
    },
    "graph": {
        "identity",
        "connections",
        "settings",
        "permissions",
        "redaction",
        "waiting",
        "errors",
        "target",
        "synchronization_secret",
    },
    "credentials": set(),
    "waiting": {"errors"},
    "references": {"errors", "text_file", "wire"},
    "identity": {
        "token_credential",
        "connections",
        "settings",
        "permissions",
        "redaction",
        "errors",
    },
    "token_credential": {"connections", "settings"},
    "connections": {"errors"},
    "settings": {"permissions", "errors", "target", "text_file"},
    "permissions": {"target"},
    "errors": {"redaction"},
    "redaction": set(),
    "target": set(),
    "synchronization_secret": set(),
    "text_file": set(),
    "wire": set(),
}

# What only one module imports.
OWNERS = {
    "pulumi": {"authorization", "credentials", "engine_status"},
    "grpc": {"engine", "engine_status"},
    "google": {"engine_status"},
    "msgraph": {"graph"},
    "msgraph_core": {"graph"},
    "kiota_abstractions": {"graph"},
    "kiota_http": {"graph"},
    "kiota_authentication_azure": {"graph"},
    "httpx": {"graph", "connections"},
    "requests": {"connections"},
    "urllib3": {"connections"},
    "azure": {"identity", "token_credential", "connections"},
}


def imported(path: Path) -> tuple[set[str], set[str]]:
    """The modules of its own package, and the other packages, that a file imports anywhere."""
    own: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            others.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, f"{path} imports from outside of its folder"
            names = [node.module] if node.module else [alias.name for alias in node.names]
            own.update(str(name).partition(".")[0] for name in names)
    return own, others


def test_every_module_has_its_place() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(LAYERS)


@pytest.mark.parametrize("module", LAYERS)
def test_imports_point_one_way(module: str) -> None:
    own, others = imported(PACKAGE / f"{module}.py")
    assert own <= LAYERS[module]
    assert {package for package in others if module not in OWNERS.get(package, {module})} == set()


def test_the_layers_have_no_way_back() -> None:
    order = list(LAYERS)
    for module, below in LAYERS.items():
        assert all(order.index(module) < order.index(name) for name in below)


def test_the_emulator_knows_nothing_of_the_provider() -> None:
    folder = PACKAGE / "emulator"
    modules = {path.stem for path in folder.glob("*.py")}
    for path in folder.glob("*.py"):
        own, others = imported(path)
        assert own <= modules
        assert "pulumi_entra_provisioning" not in others
        assert not others & set(OWNERS)


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
    for path in folder.glob("*.py"):
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
    [(PACKAGE, "", set()), (PACKAGE / "emulator", "emulator", {"pytest"})],
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


def test_what_is_tested_is_what_is_installed() -> None:
    (installed,) = pulumi_entra_provisioning.__path__
    assert Path(installed).parent.name == "site-packages"
    assert Path(installed).is_relative_to(sys.prefix)


def test_public_names_are_the_packages_own() -> None:
    shown = {name for name in dir(pulumi_entra_provisioning) if not name.startswith("__")}
    assert shown == set(pulumi_entra_provisioning.__all__)
    for name in pulumi_entra_provisioning.__all__:
        assert getattr(pulumi_entra_provisioning, name).__module__ == "pulumi_entra_provisioning"
