"""The pages for developers: the layers are those that are tested, and every path exists."""

from __future__ import annotations

import re

import pytest
from package import test_emulator_layers as emulator_layers
from package import test_provider_layers as provider_layers
from support.readme import code, page, table
from support.stack import REPOSITORY

ARCHITECTURE = page("architecture")
PROVIDER = REPOSITORY / "provider/pulumi_entra_provisioning"
EMULATOR = REPOSITORY / "provider/entra_emulator"


def layer(cell: str) -> str:
    """The name of a layer, from the one file or folder in a cell."""
    (path,) = code(cell)
    return path.removesuffix("/").removesuffix(".py")


@pytest.mark.parametrize(
    ("heading", "layers"),
    [("The provider", provider_layers.LAYERS), ("The emulator", emulator_layers.LAYERS)],
    ids=["provider", "emulator"],
)
def test_each_table_has_the_layers_of_a_package_in_their_order(
    heading: str, layers: list[str]
) -> None:
    assert [layer(row[0]) for row in table(heading, ARCHITECTURE)] == layers


@pytest.mark.parametrize(
    ("heading", "owners"),
    [("The provider", provider_layers.OWNERS), ("The emulator", emulator_layers.OWNERS)],
    ids=["provider", "emulator"],
)
def test_each_table_has_the_libraries_that_only_some_layers_import(
    heading: str, owners: dict[str, set[str]]
) -> None:
    listed: dict[str, set[str]] = {}
    for named, _, libraries in table(heading, ARCHITECTURE):
        for library in code(libraries):
            listed.setdefault(library, set()).add(layer(named))
    # What no layer may import has no row.
    assert listed == {library: layers for library, layers in owners.items() if layers}


def paths(text: str) -> list[str]:
    """The file and folder names in backticks."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [
        name for name in code(prose) if re.fullmatch(r"(?:[\w.-]+/)+|[\w./-]+\.(?:py|md|dot)", name)
    ]


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_for_developers_names_exists(name: str) -> None:
    named = paths((REPOSITORY / name).read_text())
    assert len(named) >= 20
    missing = {
        path
        for path in named
        if not any((root / path).exists() for root in (REPOSITORY, PROVIDER, EMULATOR))
    }
    assert missing == set()


def test_every_path_in_a_column_of_a_package_is_in_that_package() -> None:
    for _, provider, emulator, _ in table("Where to find what", ARCHITECTURE):
        assert [path for path in paths(provider) if not (PROVIDER / path).exists()] == []
        assert [path for path in paths(emulator) if not (EMULATOR / path).exists()] == []
