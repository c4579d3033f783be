"""What the modules of a package import, read from their sources."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Imports:
    """The imports of a module, wherever in the file they stand: also those for type checkers.

    `own` are modules of the same package, such as `graph.client`; `others` are other packages.
    """

    own: frozenset[str]
    others: frozenset[str]


def imports_of(package: Path) -> dict[str, Imports]:
    """The imports of each module of the package in a folder. `__init__` is that of the package."""
    names = {path: _name(package, path) for path in package.rglob("*.py")}
    return {name: _imports(path, name, set(names.values())) for path, name in names.items()}


def room(module: str) -> str:
    """The folder of a module, or the module itself at the top of the package."""
    return module.partition(".")[0]


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
