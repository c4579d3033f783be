"""Imports point one way, and public names are the package's own."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pulumi_entra_provisioning
import pytest
from stack import REPOSITORY

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


def test_what_is_tested_is_what_is_installed() -> None:
    (installed,) = pulumi_entra_provisioning.__path__
    assert Path(installed).parent.name == "site-packages"
    assert Path(installed).is_relative_to(sys.prefix)


def test_public_names_are_the_packages_own() -> None:
    shown = {name for name in dir(pulumi_entra_provisioning) if not name.startswith("__")}
    assert shown == set(pulumi_entra_provisioning.__all__)
    for name in pulumi_entra_provisioning.__all__:
        assert getattr(pulumi_entra_provisioning, name).__module__ == "pulumi_entra_provisioning"
