"""What the package declares: its public names and its dependencies."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions, requires
from pathlib import Path
from types import ModuleType

import pulumi_entra_provisioning
import pytest
from support.stack import REPOSITORY

PROVIDER = REPOSITORY / "provider/pulumi_entra_provisioning"
EMULATOR = REPOSITORY / "provider/entra_emulator"


def modules_imported(path: Path) -> Iterator[list[str]]:
    """What a file imports from other packages. `from a import b` yields `a.b` and then `a`."""
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
            # Several distributions share a package such as `azure`: take the one with the module.
            holders = [
                name
                for module in modules
                for name in names
                if len(names) == 1 or holds(name, module)
            ]
            assert holders, f"{path} imports {modules[-1]}, which none of {names} has"
            found.add(holders[0])
    return {normalized(name) for name in found}


def holds(name: str, module: str) -> bool:
    path = module.replace(".", "/")
    files = {str(file) for file in distribution(name).files or ()}
    return not files.isdisjoint({f"{path}.py", f"{path}/__init__.py"})


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("folder", "extra", "from_the_caller"),
    # pytest loads the emulator's fixtures, so it is installed.
    [(PROVIDER, "", set()), (EMULATOR, "emulator", {"pytest"})],
    ids=["provider", "emulator"],
)
def test_the_declared_dependencies_are_the_imported_ones(
    folder: Path, extra: str, from_the_caller: set[str]
) -> None:
    marked = [line.partition(";") for line in requires("pulumi-entra-provisioning") or ()]
    declared = {
        normalized(re.split(r"[<>=!\[ ]", requirement)[0])
        for requirement, _, marker in marked
        if "".join(re.findall(r"extra == ['\"](\w+)", marker)) == extra
    }
    assert distributions_imported(folder) - from_the_caller == declared


def test_the_public_names_are_those_of_all() -> None:
    shown = {
        name
        for name, value in vars(pulumi_entra_provisioning).items()
        if not name.startswith("__") and not isinstance(value, ModuleType)
    }
    assert shown == set(pulumi_entra_provisioning.__all__)
    for name in pulumi_entra_provisioning.__all__:
        assert getattr(pulumi_entra_provisioning, name).__module__ == "pulumi_entra_provisioning"
