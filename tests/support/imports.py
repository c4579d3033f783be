"""The imports of a package's modules, read from their sources, and the rules for its layers."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True)
class Imports:
    """The imports of a module, anywhere in the file, including those for type checkers.

    `own` are modules of the same package, such as `graph.client`; `others` are other packages.
    """

    own: frozenset[str]
    others: frozenset[str]


def imports_of(package: Path) -> dict[str, Imports]:
    """The imports of each module of the package in a folder.

    The package itself is `__init__`, and a folder's `__init__` has the folder's name.
    """
    names = {path: _name(package, path) for path in package.rglob("*.py")}
    return {name: _imports(path, name, set(names.values())) for path, name in names.items()}


def layer(module: str) -> str:
    """The folder of a module, or the module itself at the top of the package."""
    return module.partition(".")[0]


def upward(imports: Mapping[str, Imports], layers: Sequence[str]) -> list[str]:
    """The imports from one layer to another that is not below it. `layers` has the top one first.

    Raises KeyError for a layer that `layers` lacks.
    """
    rank = {name: number for number, name in enumerate(layers)}
    return [
        f"{module} imports {target}"
        for module, found in sorted(imports.items())
        for target in sorted(found.own)
        if layer(module) != layer(target) and rank[layer(target)] < rank[layer(module)]
    ]


def circle(imports: Mapping[str, Imports]) -> list[str]:
    """The modules of an import circle, or none."""
    return _circle({module: found.own for module, found in imports.items()})


def circle_of_layers(imports: Mapping[str, Imports]) -> list[str]:
    """The layers of an import circle, or none. Its modules need not be in a circle themselves."""
    layers: dict[str, set[str]] = {}
    for module, found in imports.items():
        layers.setdefault(layer(module), set()).update(map(layer, found.own))
    return _circle({name: targets - {name} for name, targets in layers.items()})


def foreign(imports: Mapping[str, Imports], owners: Mapping[str, Set[str]]) -> list[str]:
    """The imports of a package outside of the layers that `owners` names for it."""
    return [
        f"{module} imports {package}"
        for module, found in sorted(imports.items())
        for package in sorted(found.others & owners.keys())
        if layer(module) not in owners[package]
    ]


def _circle(graph: Mapping[str, Set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def _name(package: Path, path: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _imports(path: Path, name: str, modules: set[str]) -> Imports:
    own: set[str] = set()
    others: set[str] = set()
    folders = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    folders = [] if name == "__init__" else folders
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            others.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            above = node.level - 1
            assert above <= len(folders), f"{path} imports from outside of its package"
            base = [*folders[: len(folders) - above], *(node.module or "").split(".")]
            base = list(filter(None, base))
            for alias in node.names:
                found = [".".join([*base, alias.name]), ".".join(base) or "__init__"]
                own.add(next(module for module in found if module in modules))
    return Imports(frozenset(own), frozenset(others))
