"""The emulator's imports point down, only its owner imports a library, and rules know no HTTP."""

from __future__ import annotations

import ast

import pytest
from support.imports import Imports, circle, circle_of_layers, foreign, imports_of, layer, upward
from support.stack import REPOSITORY

PACKAGE = REPOSITORY / "provider/entra_emulator"
IMPORTS = imports_of(PACKAGE)

# The folders and top modules, the top one first. Each imports only from those below it.
LAYERS = [
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

# The layers that may import a package.
OWNERS: dict[str, set[str]] = {
    "starlette": {"server", "observe", "disturb", "graph", "entra", "http"},
    "uvicorn": {"server"},
    "trustme": {"server"},
    "jinja2": {"observe"},
    "jwt": {"entra"},
    "cryptography": {"entra"},
    "yaml": {"input"},
    # The provider and its libraries: the emulator does not know its client.
    "azure": set(),
    "google": set(),
    "grpc": set(),
    "httpx": set(),
    "kiota_abstractions": set(),
    "kiota_authentication_azure": set(),
    "kiota_http": set(),
    "msgraph": set(),
    "msgraph_core": set(),
    "pulumi": set(),
    "pulumi_entra_provisioning": set(),
    "requests": set(),
    "urllib3": set(),
}

# The rules of a tenant know no HTTP.
RULES = {"tenant", "third_party", "state"}


def of_http(imports: dict[str, Imports]) -> list[str]:
    """The imports of HTTP by the rules."""
    return [
        f"{module} imports {target}"
        for module, found in sorted(imports.items())
        for target in sorted(found.own | found.others)
        if layer(module) in RULES and layer(target) in ("http", "starlette", "uvicorn")
    ]


def test_every_folder_and_top_module_is_a_layer() -> None:
    assert set(map(layer, IMPORTS)) == set(LAYERS)


def test_each_layer_imports_only_from_those_below_it() -> None:
    assert upward(IMPORTS, LAYERS) == []


def test_no_modules_and_no_layers_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []
    assert circle_of_layers(IMPORTS) == []


def test_only_its_owner_imports_a_library() -> None:
    assert foreign(IMPORTS, OWNERS) == []


def test_rules_know_no_http() -> None:
    assert of_http(IMPORTS) == []


def test_each_folder_has_a_docstring_of_one_line() -> None:
    for path in PACKAGE.glob("*/__init__.py"):
        tree = ast.parse(path.read_text())
        docstring = ast.get_docstring(tree)
        assert docstring is not None, path
        assert "\n" not in docstring
        assert len(tree.body) == 1


# The checks can fail


@pytest.mark.parametrize(
    ("module", "target"), [("tenant.jobs", "graph.errors"), ("http.body", "state.store")]
)
def test_an_added_upward_import_is_reported(module: str, target: str) -> None:
    added = Imports(IMPORTS[module].own | {target}, IMPORTS[module].others)
    assert upward({**IMPORTS, module: added}, LAYERS) == [f"{module} imports {target}"]


def test_an_added_circle_is_reported() -> None:
    module, target = "state.model", "state.store"
    assert module in IMPORTS[target].own
    added = Imports(IMPORTS[module].own | {target}, IMPORTS[module].others)
    assert {module, target} <= set(circle({**IMPORTS, module: added}))


@pytest.mark.parametrize(
    ("module", "library"), [("tenant.jobs", "jwt"), ("cli", "pulumi_entra_provisioning")]
)
def test_a_library_of_another_layer_is_reported(module: str, library: str) -> None:
    added = Imports(IMPORTS[module].own, IMPORTS[module].others | {library})
    assert foreign({**IMPORTS, module: added}, OWNERS) == [f"{module} imports {library}"]


@pytest.mark.parametrize("module", ["tenant.jobs", "state.store"])
def test_http_in_a_rule_is_reported(module: str) -> None:
    added = Imports(IMPORTS[module].own | {"http.exchange"}, IMPORTS[module].others | {"starlette"})
    assert of_http({**IMPORTS, module: added}) == [
        f"{module} imports http.exchange",
        f"{module} imports starlette",
    ]
