"""The emulator's imports point down: from a folder only to folders below it, and in no circle."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.imports import imports_of, room
from support.stack import REPOSITORY

PACKAGE = REPOSITORY / "provider/entra_emulator"

# The folders and the modules beside them, top first. Each imports only from those below it.
ORDER = [
    "__init__",
    "cli",
    "pytest_plugin",
    "emulator",
    "workloads",
    "server",
    "observe",
    "disturb",
    "graph",
    "entra",
    "tenant",
    "third_party",
    "state",
    "http",
    "input",
    "assumptions",
    "clock",
    "formats",
]

# The provider and its libraries: the emulator does not know its client.
FOREIGN = {
    "azure",
    "google",
    "grpc",
    "httpx",
    "kiota_abstractions",
    "kiota_authentication_azure",
    "kiota_http",
    "msgraph",
    "msgraph_core",
    "pulumi",
    "pulumi_entra_provisioning",
    "requests",
    "urllib3",
}


def own_imports(package: Path) -> dict[str, frozenset[str]]:
    """Each module of the package with the modules of the package that it imports."""
    return {module: imports.own for module, imports in imports_of(package).items()}


def upward(imports: Mapping[str, Set[str]], order: list[str]) -> list[str]:
    """The imports from a folder or top module to one that is not below it."""
    rank = {name: number for number, name in enumerate(order)}
    return [
        f"{module} imports {target}"
        for module, targets in sorted(imports.items())
        for target in sorted(targets)
        if room(module) != room(target) and rank[room(target)] <= rank[room(module)]
    ]


def circle(imports: Mapping[str, Set[str]]) -> list[str]:
    """The modules of an import circle, if there is one."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def between_folders(imports: Mapping[str, Set[str]]) -> dict[str, set[str]]:
    folders: dict[str, set[str]] = {}
    for module, targets in imports.items():
        folders.setdefault(room(module), set()).update(map(room, targets))
    return {folder: names - {folder} for folder, names in folders.items()}


def test_every_folder_and_every_top_module_has_its_place() -> None:
    assert set(map(room, own_imports(PACKAGE))) == set(ORDER)


def test_a_folder_imports_only_from_folders_below_it() -> None:
    assert upward(own_imports(PACKAGE), ORDER) == []


def test_no_modules_and_no_folders_import_each_other_in_a_circle() -> None:
    imports = own_imports(PACKAGE)
    assert circle(imports) == []
    assert circle(between_folders(imports)) == []


def test_every_folder_says_in_one_line_what_it_is_for() -> None:
    for path in PACKAGE.glob("*/__init__.py"):
        tree = ast.parse(path.read_text())
        docstring = ast.get_docstring(tree)
        assert docstring is not None, path
        assert "\n" not in docstring
        assert len(tree.body) == 1


def test_the_emulator_knows_nothing_of_the_provider_and_its_libraries() -> None:
    for module, imports in imports_of(PACKAGE).items():
        assert not imports.others & FOREIGN, module


# The test can fail


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"low/a.py": "from ..high import b", "high/b.py": ""}, ["low.a imports high.b"]),
        ({"low/a.py": "from ..high.b import x", "high/b.py": ""}, ["low.a imports high.b"]),
        (
            {"low/a.py": "def f():\n    from ..high import b", "high/b.py": ""},
            ["low.a imports high.b"],
        ),
        (
            {"low/a.py": "if TYPE_CHECKING:\n    from ..high.b import x", "high/b.py": ""},
            ["low.a imports high.b"],
        ),
        ({"low/a.py": "from .. import x"}, ["low.a imports __init__"]),
        ({"high/b.py": "from ..low.a import x", "low/a.py": ""}, []),
    ],
)
def test_an_upward_import_is_found_wherever_it_stands(
    files: dict[str, str], found: list[str], tmp_path: Path
) -> None:
    written(tmp_path, files)
    assert upward(own_imports(tmp_path), ["__init__", "high", "low"]) == found


@pytest.mark.parametrize(
    "files",
    [
        {"low/a.py": "from . import c", "low/c.py": "from .a import x"},
        {"low/a.py": "from .c import x", "low/c.py": "def f():\n    from . import a"},
        {"high/b.py": "from ..low.a import x", "low/a.py": "from ..high.b import x"},
    ],
)
def test_a_circle_of_modules_is_found(files: dict[str, str], tmp_path: Path) -> None:
    written(tmp_path, files)
    assert set(circle(own_imports(tmp_path))) == {
        name.removesuffix(".py").replace("/", ".") for name in files
    }


def test_a_circle_of_folders_is_found_where_no_module_is_in_one(tmp_path: Path) -> None:
    files = {
        "high/b.py": "from ..low.a import x",
        "high/d.py": "",
        "low/a.py": "",
        "low/c.py": "from ..high.d import x",
    }
    written(tmp_path, files)
    imports = own_imports(tmp_path)
    assert circle(imports) == []
    assert set(circle(between_folders(imports))) == {"high", "low"}


def written(folder: Path, files: dict[str, str]) -> None:
    for name, text in {"__init__.py": "", **files}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
