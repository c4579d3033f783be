"""The pages for developers: the layers are those that are tested, and every path exists."""

from __future__ import annotations

import re

import pytest
from package.test_emulator_layers import LAYERS as LAYERS_OF_THE_EMULATOR
from package.test_provider_layers import LAYERS as LAYERS_OF_THE_PROVIDER
from package.test_provider_layers import OWNERS
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
    [("The provider", LAYERS_OF_THE_PROVIDER), ("The emulator", LAYERS_OF_THE_EMULATOR)],
    ids=["provider", "emulator"],
)
def test_each_table_has_the_layers_of_a_package_in_their_order(
    heading: str, layers: list[str]
) -> None:
    assert [layer(row[0]) for row in table(heading, ARCHITECTURE)] == layers


def test_the_table_of_the_provider_has_the_libraries_that_each_layer_alone_imports() -> None:
    owners: dict[str, set[str]] = {}
    for named, _, libraries in table("The provider", ARCHITECTURE):
        for library in code(libraries):
            owners.setdefault(library, set()).add(layer(named))
    assert owners == {library: layers for library, layers in OWNERS.items() if layers}


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
