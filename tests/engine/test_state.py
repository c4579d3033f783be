"""The claims of docs/state-and-teams.md, with the real CLI and a file backend."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.readme import block, page
from support.stack import BEARER, PASSPHRASE, PREAMBLE, REPOSITORY, Stack
from support.tenant import authorizing, held

ProgramFor = Callable[[str], Stack]

PAGE = page("state-and-teams")
TOKEN = "the-bearer-token-of-this-test"

# A deployment, not a preview, that goes on when its test says so.
HELD = """
import os, time
while not pulumi.runtime.is_dry_run() and not os.path.exists("go-on"):
    time.sleep(0.05)
"""


@pytest.fixture
def declared(program_for: ProgramFor) -> Stack:
    stack = program_for(BEARER)
    stack.configure_secret(token=TOKEN)
    return stack


def backend(stack: Stack) -> dict[Path, bytes]:
    files = (stack.folder / "state").rglob("*")
    return {path: path.read_bytes() for path in files if path.is_file()}


def test_a_second_deployment_fails_and_a_preview_succeeds(
    emulator: Emulator, declared: Stack, program_for: ProgramFor
) -> None:
    program_for(HELD + BEARER)
    unlocked = set(backend(declared))
    first = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=declared.folder,
        env=declared.whole_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not any("locks" in path.parts for path in backend(declared).keys() - unlocked):
            assert time.monotonic() < deadline, "no lock was taken"
            time.sleep(0.05)

        (documented,) = re.findall("fails: `(the stack [^`]*)`", PAGE)
        refused = declared.up(succeeds=False)
        assert documented in refused
        assert "pulumi cancel" in refused

        before = backend(declared)
        assert "2 to create" in declared.preview()
        assert backend(declared) == before

        assert emulator.journal.calls == []
        (declared.folder / "go-on").touch()
        printed, _ = first.communicate(timeout=120)
        assert first.returncode == 0, printed
    finally:
        first.kill()
        first.communicate()
    assert len(authorizing(emulator)) == 1
    assert "2 unchanged" in declared.up()


def test_a_new_passphrase_replaces_the_old_one(declared: Stack) -> None:
    declared.up()
    assert TOKEN in declared.pulumi("stack", "export", "--show-secrets")
    assert TOKEN not in declared.pulumi("stack", "export")
    stack_file = declared.folder / "Pulumi.dev.yaml"
    before = stack_file.read_text()
    changed = subprocess.run(
        ["sh", "-eu", "-c", block("sh", "change-secrets-provider passphrase", PAGE)],
        cwd=declared.folder,
        env={**declared.whole_environment(), "NEW_PASSPHRASE": "the new one"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert changed.returncode == 0, changed.stderr

    for passphrase, is_right in ((PASSPHRASE, False), ("the new one", True)):
        declared.environment = {**declared.environment, "PULUMI_CONFIG_PASSPHRASE": passphrase}
        shown = declared.pulumi("stack", "export", "--show-secrets", succeeds=is_right)
        assert (TOKEN in shown) is is_right
    assert "2 unchanged" in declared.up()

    assert stack_file.read_text() != before
    (old_salt,) = re.findall(r"encryptionsalt: (\S+)", before)
    kept = [path for path, held in backend(declared).items() if old_salt.encode() in held]
    assert kept, "no earlier state is kept"


def test_a_plan_shows_secrets_only_with_show_secrets(declared: Stack) -> None:
    plan = declared.folder / "plan.json"
    declared.preview(f"--save-plan={plan}")
    assert TOKEN not in plan.read_text()
    declared.preview(f"--save-plan={plan}", "--show-secrets")
    assert TOKEN in plan.read_text()


def test_the_last_of_two_stacks_with_one_target_wins_unnoticed(
    emulator: Emulator, declared: Stack, tmp_path: Path
) -> None:
    declared.up()
    other = Stack(tmp_path / "other", emulator.environment)
    other.program(PREAMBLE + BEARER)
    other.configure_secret(token="of-the-other-stack")
    other.up()

    def held() -> str | None:
        secrets = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
        return secrets.get("SecretToken")

    emulator.journal.clear()
    assert "2 unchanged" in declared.up("--refresh")
    assert authorizing(emulator) == []
    assert held() == "of-the-other-stack"

    other.destroy()
    assert held() is None
    # As the pipelines do it: the refresh finds CredentialsMissing, the deployment acts on it.
    assert "1 updated" in declared.up("--refresh")
    assert held() == TOKEN


def test_the_cli_has_every_command_and_option_of_the_page(declared: Stack) -> None:
    for command in re.findall(r"pulumi ((?:stack )?[a-z-]+)", PAGE):
        shown = declared.pulumi(*command.split(), "--help")
        for options in re.findall(rf"pulumi {command}\s+[^`]*?(--[a-z-]+)", PAGE):
            assert options in shown, command
    providers = declared.pulumi("stack", "init", "--help")
    for provider in re.findall(r"\b(\w+)://\S+/", PAGE):
        assert provider in providers


def recorded_states() -> list[Any]:
    return [
        pytest.param(path, id=path.stem)
        for path in sorted((REPOSITORY / "tests/engine/states").glob("*.json"))
    ]


@pytest.mark.parametrize("recorded", recorded_states())
def test_a_recorded_state_replays(emulator: Emulator, stack: Stack, recorded: Any) -> None:
    emulator.tenant.put_secrets(
        "servicePrincipals",
        DEFAULT_SERVICE_PRINCIPAL_ID,
        [("BaseAddress", "https://scim.example/v2"), ("SecretToken", "t0ken")],
    )
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    stack.pulumi("stack", "import", "--file", str(recorded))
    assert "2 unchanged" in stack.up()
    assert emulator.journal.calls == []
    assert "2 unchanged" in stack.refresh()

    resources = stack.exported("--show-secrets")["deployment"]["resources"]
    (state,) = (item["outputs"] for item in resources if item["urn"].endswith("::directory"))
    pickled = base64.b64decode(json.loads(state["__provider"]["plaintext"]))
    assert b"pulumi_entra_provisioning" in pickled
    assert b"pulumi_entra_provisioning." not in pickled, "names an internal module"

    stack.configure_secret(token="another")
    assert "1 updated" in stack.up()
    stack.destroy()
    assert held(emulator) == {}
