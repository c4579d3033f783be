"""The table of docs/secrets-in-logs.md, with planted secrets."""

from __future__ import annotations

import gzip
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_CLIENT_ID, DEFAULT_TENANT_ID
from support.native import NativeStack
from support.readme import block, table
from support.stack import BEARER, REPOSITORY, Stack

PAGE = (REPOSITORY / "docs/secrets-in-logs.md").read_text()
PRINTING = table("Switches that print secrets", PAGE)
SILENT = table("Switches that print none", PAGE)

CREDENTIAL = "pl4nted-credential"
CONFIGURED = "pl4nted-in-the-configuration"


@pytest.fixture(scope="module", params=[Stack, NativeStack], ids=["dynamic resource", "plugin"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack with a secret in its program and one in its configuration, for previews only."""
    stack: Stack = request.param(tmp_path_factory.mktemp("planted") / "project", {})
    stack.declare(BEARER.replace('config.require_secret("token")', f'"{CREDENTIAL}"'))
    stack.configure(
        **{
            "entra-provisioning:tenantId": DEFAULT_TENANT_ID,
            "entra-provisioning:clientId": DEFAULT_CLIENT_ID,
        }
    )
    stack.configure_secret(**{"entra-provisioning:clientSecret": CONFIGURED})
    return stack


def code(cell: str) -> str:
    found = re.match(r"`(.+?)`", cell)
    assert found
    return found[1]


def logged(stack: Stack, folder: Path, switch: str) -> tuple[str, Mapping[str, Path]]:
    """The output of a preview with a switch, and the files that it writes, by content."""
    switch = switch.replace("FILE", str(folder / "file"))
    variables, options = ({}, [switch])
    if switch.startswith("PULUMI_"):
        name, _, value = switch.partition("=")
        variables, options = ({name: value}, [])
    usual = stack.environment
    stack.environment = {"TMPDIR": str(folder), **variables}
    try:
        printed = stack.preview(*options)
    finally:
        stack.environment = usual
    return printed, {path.read_text(errors="replace"): path for path in folder.glob("*")}


@pytest.mark.parametrize("row", PRINTING, ids=[code(row[0]) for row in PRINTING])
def test_a_switch_prints_the_secrets_that_the_page_lists(
    stack: Stack, tmp_path: Path, row: list[str]
) -> None:
    switch, credentials, configuration, where, _ = row
    printed, files = logged(stack, tmp_path, code(switch))
    everything = "\n".join([printed, *files])
    assert (CREDENTIAL in everything) is {"yes": True, "no": False}[credentials]
    assert (CONFIGURED in everything) is {"yes": True, "no": False}[configuration]
    modes = {stat.S_IMODE(path.stat().st_mode) for text, path in files.items() if "pl4nted" in text}
    assert modes == {int(mode, 8) for mode in re.findall(r"mode (\d+)", where)}


@pytest.mark.parametrize("row", SILENT, ids=[code(row[0]) for row in SILENT])
def test_a_switch_listed_as_safe_prints_no_secret(
    stack: Stack, tmp_path: Path, row: list[str]
) -> None:
    printed, files = logged(stack, tmp_path, code(row[0]))
    assert "directory" in printed
    assert "pl4nted" not in "\n".join([printed, *files])


def test_the_log_of_the_cli_is_encrypted_and_can_be_decrypted(stack: Stack) -> None:
    # `pulumi logs` knows of no stack but a selected one.
    stack.pulumi("stack", "select", "dev")
    stack.preview()
    logs = stack.folder / "home/logs"
    kept = [path.read_bytes() for path in logs.iterdir()]
    clear = [gzip.decompress(log) if log.startswith(b"\x1f\x8b") else log for log in kept]
    assert not [log for log in clear if b"pl4nted" in log]
    for command in block("sh", "pulumi logs decrypt", PAGE).splitlines():
        shown = stack.pulumi(*command.split()[1:])
    assert CREDENTIAL in shown
