"""The pages in docs/: their programs run, and their tables say what the code does."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from pulumi_entra_provisioning import Credentials, NotificationSettings, ProvisioningAuthorization
from pulumi_entra_provisioning.graph.secret_keys import KEYS
from support.readme import block, table
from support.stack import REPOSITORY, Stack

PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
CONNECTORS = (REPOSITORY / "docs/connectors.md").read_text()
UNIT_TESTING = (REPOSITORY / "docs/unit-testing.md").read_text()


def code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def explained(name: str) -> dict[str, str]:
    """The keys of a TypedDict of the package that have a docstring, with it."""
    source = (REPOSITORY / "provider/pulumi_entra_provisioning/credentials.py").read_text()
    (declared,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    found = {}
    for key, described in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(key, ast.AnnAssign) and isinstance(described, ast.Expr):
            assert isinstance(key.target, ast.Name)
            found[key.target.id] = " ".join(ast.literal_eval(described.value).split())
    return found


# Pages


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_file_and_heading_that_a_page_links_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    for link in links:
        file, _, heading = link.partition("#")
        if ":" in link:
            continue
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), flags=re.MULTILINE)
            assert heading in [re.sub(r"\W+", "-", text.lower()) for text in headings], link


# Connectors


def test_every_way_and_every_application_has_keys_of_graph_and_a_source() -> None:
    ways = table("Three ways to sign in", CONNECTORS)
    assert {key for row in ways for key in code(row[1])} <= KEYS
    for name, keys, basis, source in table("Applications", CONNECTORS):
        assert set(code(keys)) <= KEYS, name
        assert code(keys) or "**Authorize**" in keys, name
        assert basis in ("documented", "seen", "inferred"), name
        assert basis == "seen" or "](https://learn.microsoft.com/" in source, name


def test_every_key_is_explained_as_in_an_editor_or_listed_as_not_explained() -> None:
    rows = {code(row[0])[0]: row[1] for row in table("Keys", CONNECTORS)}
    assert rows == explained(Credentials.__name__)
    rest = CONNECTORS.split("documents no meaning of the other keys:")[1].split("\n\n")[0]
    assert len(code(rest)) == len(KEYS) - len(rows)
    assert set(code(rest)) | rows.keys() == KEYS


def test_every_field_of_the_notification_settings_is_explained_as_in_an_editor() -> None:
    rows = {code(row[0])[0]: row[1] for row in table("SyncNotificationSettings", CONNECTORS)}
    assert rows == explained(NotificationSettings.__name__)
    assert rows.keys() == NotificationSettings.__annotations__.keys()


def test_the_program_with_notification_settings_gives_graph_their_json(
    emulator: Emulator, program_for: Callable[[str], Stack]
) -> None:
    stack = program_for(block("python", '"SyncNotificationSettings": {', CONNECTORS))
    stack.configure(servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID)
    stack.configure_secret(scimToken="a-token")
    stack.up()
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert held["SyncNotificationSettings"] == (
        '{"DeleteThresholdEnabled":true,"DeleteThresholdValue":50,"Enabled":true,'
        '"Recipients":"identity@contoso.example"}'
    )
    assert "2 unchanged" in stack.up()


# Unit tests


def test_the_unit_tests_of_the_page_pass_and_can_fail(tmp_path: Path) -> None:
    for name in ("infrastructure.py", "test_infrastructure.py"):
        (tmp_path / name).write_text(block("python", f"# {name}\n", UNIT_TESTING))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    def run() -> str:
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        ).stdout

    assert "2 passed" in run()
    program = tmp_path / "infrastructure.py"
    program.write_text(program.read_text().replace("since", "SINCE").replace("/v2", "/v1"))
    assert "2 failed" in run()


def engines_name(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def test_the_mocks_names_are_those_of_the_resource() -> None:
    inputs = set(inspect.signature(ProvisioningAuthorization).parameters) - {
        "resource_name",
        "opts",
    }
    got = table("What the mocks get", UNIT_TESTING)
    assert {code(row[0])[0] for row in got} == inputs
    outputs = set(inspect.get_annotations(ProvisioningAuthorization)) - inputs
    returned = table("What the mocks return", UNIT_TESTING)
    assert {code(row[0])[0] for row in returned} == outputs
    for row in (*got, *returned):
        assert code(row[1])[0] == engines_name(code(row[0])[0])
