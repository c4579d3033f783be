"""No value of a credential leaves the plugin, whatever fails and whoever quotes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import Emulator, Fault
from support.native import NativeStack
from support.stack import BEARER
from support.tenant import authorizing, held

PLANTED = "pl4nted-T0ken+/=value"
SWITCHES = ("--debug", "--diff", "--json")


@pytest.fixture
def planted(stack: NativeStack) -> NativeStack:
    """A stack with a planted token; its program shows what it may show of it."""
    stack.declare(
        BEARER.replace("ProvisioningAuthorization(", "made = ProvisioningAuthorization(")
        + """
pulumi.export("keys", made.credential_keys)
pulumi.export("target", made.target)
"""
    )
    stack.configure_secret(token=PLANTED)
    return stack


def shown(stack: NativeStack) -> str:
    """Everything that the CLI has printed, and what it and its plugins wrote to files."""
    return "".join(stack.printed) + stack.written()


def test_no_switch_and_no_state_shows_a_credential(
    emulator: Emulator, planted: NativeStack
) -> None:
    for switch in SWITCHES:
        planted.preview(switch)
    planted.up("--debug", "--diff")
    assert held(emulator)["SecretToken"] == PLANTED
    planted.configure_secret(token=f"{PLANTED}-2")
    for switch in SWITCHES:
        planted.preview(switch)
    planted.up("--debug", "--diff")
    planted.refresh("--debug", "--diff")
    planted.exported()
    planted.destroy("--debug", "--diff")
    assert PLANTED not in shown(planted)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="*/acquireAccessToken", status=400, message=f"{PLANTED} is wrong"),
        Fault(path="*/acquireAccessToken", status=500, message=f"Bearer {PLANTED}"),
        Fault(path="*/acquireAccessToken", drop="after"),
    ],
    ids=["refused", "failed", "lost"],
)
def test_no_failure_shows_a_credential(
    emulator: Emulator, planted: NativeStack, fault: Fault
) -> None:
    planted.declare(BEARER.replace("credentials=", "timeout=2, credentials="))
    emulator.faults.add(fault)
    emulator.faults.add(fault)
    planted.up("--debug", "--diff", succeeds=False)
    planted.preview("--diff", "--debug")
    assert PLANTED not in shown(planted)


def test_wrong_credentials_are_reported_without_their_values(
    emulator: Emulator, stack: NativeStack
) -> None:
    stack.declare(
        BEARER.replace('"SecretToken": config', f'"{PLANTED}": "{PLANTED}", "SecretToken": config')
    )
    stack.configure_secret(token=PLANTED)
    for switch in SWITCHES:
        stack.preview(switch, succeeds=False)
    assert PLANTED not in shown(stack)
    assert emulator.journal.calls == []


def test_a_secret_input_makes_its_output_secret(emulator: Emulator, planted: NativeStack) -> None:
    planted.declare(
        BEARER.replace("credentials=", 'triggers=config.require_secret("token"), credentials=')
    )
    planted.up()
    planted.refresh()
    planted.configure_secret(token=f"{PLANTED}-2")
    planted.up("--diff")
    assert PLANTED not in shown(planted)


def test_a_reference_is_read_when_the_plugin_acts(emulator: Emulator, stack: NativeStack) -> None:
    stack.environment = {**stack.environment, "DIRECTORY_TOKEN": PLANTED}
    stack.declare(
        BEARER.replace('config.require_secret("token")', '{"fromEnvironment": "DIRECTORY_TOKEN"}')
    )
    stack.up("--debug", "--diff")
    assert held(emulator)["SecretToken"] == PLANTED
    assert "2 unchanged" in stack.up()
    assert PLANTED not in shown(stack)
    stack.environment = {**stack.environment, "DIRECTORY_TOKEN": "another"}
    assert "1 updated" in stack.up()


@pytest.mark.parametrize(
    "switch",
    [
        "--logtostderr -v=9 --logflow",
        "--tracing=file:FILE",
        "--otel-traces=file://FILE",
        "PULUMI_DEBUG_GRPC=FILE",
    ],
)
def test_no_log_of_the_engine_has_what_a_reference_refers_to(
    emulator: Emulator, stack: NativeStack, tmp_path: Path, switch: str
) -> None:
    (tmp_path / "token").write_text(PLANTED)
    (tmp_path / "logs").mkdir()
    stack.environment = {**stack.environment, "TMPDIR": str(tmp_path / "logs")}
    options = switch.replace("FILE", str(tmp_path / "logs/file")).split()
    if options[0].startswith("PULUMI_"):
        name, _, value = options.pop().partition("=")
        stack.environment = {**stack.environment, name: value}
    stack.declare(
        BEARER.replace('config.require_secret("token")', f'{{"fromFile": "{tmp_path / "token"}"}}')
    )
    stack.up(*options)
    stack.destroy(*options)
    assert [call.status for call in authorizing(emulator)] == [204]
    logged = [path.read_text(errors="replace") for path in (tmp_path / "logs").iterdir()]
    everything = shown(stack) + "".join(logged)
    # Only the traces of OpenTelemetry are without inputs.
    assert (str(tmp_path / "token") in everything) is ("otel" not in switch)
    assert PLANTED not in everything
