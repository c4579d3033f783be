"""With the real engine, no state and no log holds a referenced credential."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.native import BOTH_FRONT_ENDS
from support.stack import Stack
from support.tenant import held

pytestmark = BOTH_FRONT_ENDS

PLANTED = {"variable": "pl4nted-variable", "file": "pl4nted-file", "other": "pl4nted-other"}

PROGRAM = f"""
ProvisioningAuthorization(
    "directory",
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{
        "UserName": "scim",
        "SecretToken": {{"fromEnvironment": "SCIM_TOKEN"}},
        "Password": {{"fromFile": config.require("path")}},
    }},
)
"""

# What says most; less of the same says nothing else.
LOGGING = [
    ["--logflow", "-v=9", "--logtostderr", "--tracing", "file:./trace.json", "--debug", "--diff"],
    ["--json"],
]


@pytest.fixture
def stack(front_end: type[Stack], emulator: Emulator, tmp_path: Path) -> Stack:
    declared = front_end(
        tmp_path / "project", {**emulator.environment, "SCIM_TOKEN": "pl4nted-variable"}
    )
    declared.declare(PROGRAM)
    (tmp_path / "token").write_text(PLANTED["file"] + "\n")
    declared.configure(path=str(tmp_path / "token"))
    return declared


def test_no_state_plan_or_log_of_the_engine_holds_a_value(
    emulator: Emulator, stack: Stack, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    stack.environment = {
        **stack.environment,
        "PULUMI_DEBUG_GRPC": str(stack.folder / "grpc.json"),
        "TMPDIR": str(logs),
    }
    stack.preview(f"--save-plan={stack.folder / 'plan.json'}", "--show-secrets")
    for number, options in enumerate(LOGGING):
        stack.environment = {**stack.environment, "SCIM_TOKEN": f"{PLANTED['variable']}-{number}"}
        stack.preview(*options)
        stack.up(*options)
        assert held(emulator)["SecretToken"] == f"pl4nted-variable-{number}"
    stack.up("-v=1")
    stack.refresh("--logtostderr", "-v=9")
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=400, message=f"{PLANTED['other']} is wrong")
    )
    stack.environment = {**stack.environment, "SCIM_TOKEN": PLANTED["other"]}
    stack.up("--logtostderr", "-v=9", succeeds=False)
    stack.pulumi("stack", "export", "--show-secrets")
    stack.destroy("--logtostderr", "-v=9")
    assert held(emulator) == {}

    logged = [path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file()]
    assert logged, "-v=1 wrote no file"
    (tmp_path / "token").unlink()
    everything = "\n".join([*stack.printed, stack.written(), *logged])
    assert "fromEnvironment" in everything
    assert [value for value in PLANTED.values() if value in everything] == []


def test_a_changed_value_updates_and_a_missing_one_is_reported(
    emulator: Emulator, stack: Stack
) -> None:
    stack.up()
    assert "2 unchanged" in stack.up()
    assert held(emulator) == {
        "UserName": "scim",
        "SecretToken": PLANTED["variable"],
        "Password": PLANTED["file"],
    }
    stack.environment = {**stack.environment, "SCIM_TOKEN": "changed"}
    assert "1 to update" in stack.preview()
    assert "1 updated" in stack.up()
    assert held(emulator)["SecretToken"] == "changed"

    emulator.journal.clear()
    stack.environment = {**emulator.environment}
    assert "SCIM_TOKEN" not in os.environ
    printed = stack.preview()
    assert "the environment variable SCIM_TOKEN is not set" in printed
    assert "2 unchanged" in printed
    stack.declare(PROGRAM.replace('"scim"', '"another"'))
    printed = stack.up(succeeds=False)
    assert 'credentials["SecretToken"]: the environment variable SCIM_TOKEN is not set' in printed
    assert emulator.journal.calls == []


def test_a_relative_path_starts_at_the_folder_of_the_program(
    emulator: Emulator, stack: Stack
) -> None:
    (stack.folder / "beside-the-program").write_text("beside")
    stack.configure(path="beside-the-program")
    stack.up()
    assert held(emulator)["Password"] == "beside"
