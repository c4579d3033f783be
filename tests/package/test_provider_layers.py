"""The provider's imports point down, and only its owner imports a library."""

from __future__ import annotations

import pytest
from support.imports import Imports, circle, circle_of_layers, foreign, imports_of, layer, upward
from support.stack import REPOSITORY

IMPORTS = imports_of(REPOSITORY / "provider/pulumi_entra_provisioning")

# The folders and top modules, the top one first. Each imports only from those below it.
LAYERS = [
    "__init__",
    "resource",
    "dynamic_provider",
    "plugin",
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

# The layers that may import a package.
OWNERS: dict[str, set[str]] = {
    "pulumi": {"resource", "dynamic_provider", "plugin", "engine", "credentials"},
    "grpc": {"plugin", "engine"},
    "google": {"plugin", "engine"},
    "msgraph": {"graph"},
    "msgraph_core": {"graph"},
    "kiota_abstractions": {"graph"},
    "kiota_http": {"graph"},
    "kiota_authentication_azure": {"graph"},
    "httpx": {"graph", "network"},
    "requests": {"identity", "network"},
    "urllib3": {"identity", "network"},
    "azure": {"identity"},
    "entra_emulator": set(),
}


def test_every_folder_and_top_module_is_a_layer() -> None:
    assert set(map(layer, IMPORTS)) == set(LAYERS)


def test_each_layer_imports_only_from_those_below_it() -> None:
    assert upward(IMPORTS, LAYERS) == []


def test_no_modules_and_no_layers_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []
    assert circle_of_layers(IMPORTS) == []


def test_only_its_owner_imports_a_library() -> None:
    assert foreign(IMPORTS, OWNERS) == []


# The checks can fail


@pytest.mark.parametrize(
    ("module", "target"), [("graph.client", "session"), ("redaction.text", "graph.retries")]
)
def test_an_added_upward_import_is_reported(module: str, target: str) -> None:
    added = Imports(IMPORTS[module].own | {target}, IMPORTS[module].others)
    wrong = {**IMPORTS, module: added}
    assert upward(wrong, LAYERS) == [f"{module} imports {target}"]
    assert circle_of_layers(wrong)


def test_an_added_circle_is_reported() -> None:
    module, target = "graph.retries", "graph.client"
    assert module in IMPORTS[target].own
    added = Imports(IMPORTS[module].own | {target}, IMPORTS[module].others)
    assert {module, target} <= set(circle({**IMPORTS, module: added}))


@pytest.mark.parametrize(
    ("module", "library"), [("lifecycle.inputs", "httpx"), ("session", "entra_emulator")]
)
def test_a_library_of_another_layer_is_reported(module: str, library: str) -> None:
    added = Imports(IMPORTS[module].own, IMPORTS[module].others | {library})
    assert foreign({**IMPORTS, module: added}, OWNERS) == [f"{module} imports {library}"]
