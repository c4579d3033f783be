"""Interrupted and killed runs as docs/interruption.md describes them, through the real CLI."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.native import BOTH_FRONT_ENDS
from support.stack import BEARER, Stack, begun
from support.tenant import authorizing, held

WITH_A_CODE = BEARER.replace("SecretToken", "Oauth2AuthorizationCode")


def asked_to_wait(emulator: Emulator, seconds: int) -> None:
    """Make Graph answer one call with 429 and Retry-After."""
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": f"{seconds}"})
    )


def killed(stack: Stack, emulator: Emulator) -> None:
    """Kill the engine of a `pulumi up` after its call has met the fault."""
    running = begun(stack, emulator)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()


def until_gone(process: int) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 20
    status = Path(f"/proc/{process}/status")
    with contextlib.suppress(FileNotFoundError):
        while "(zombie)" not in status.read_text():
            assert time.monotonic() < deadline, "the plugin goes on"
            time.sleep(0.05)


def pending(stack: Stack) -> list[str]:
    """The kinds of the pending operations of a state."""
    operations = stack.deployment().get("pending_operations") or []
    return [operation["type"] for operation in operations]


@BOTH_FRONT_ENDS
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGHUP])
def test_a_waiting_plugin_sends_nothing_after_its_engine_is_killed(
    emulator: Emulator, declared: Stack, signal_number: signal.Signals
) -> None:
    asked_to_wait(emulator, 60)
    running = begun(declared, emulator)
    plugin = declared.plugin_process()
    os.kill(running.pid, signal_number)
    running.wait()
    until_gone(plugin)
    assert [call.status for call in authorizing(emulator)] == [429]
    assert held(emulator) == {}


@BOTH_FRONT_ENDS
def test_a_code_used_by_a_killed_run_must_be_replaced(emulator: Emulator, stack: Stack) -> None:
    stack.declare(WITH_A_CODE)
    stack.configure_secret(token="first-code")
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=1))
    killed(stack, emulator)
    time.sleep(2)
    stored = held(emulator)
    assert "Oauth2RefreshToken" in stored

    assert "currently locked" in stack.up(succeeds=False)
    stack.pulumi("cancel", "--yes")
    assert "The authorization code has been used" in stack.up(succeeds=False)
    # What is in no state is not destroyed, either.
    stack.destroy()
    assert held(emulator) == stored

    emulator.journal.clear()
    (operation,) = stack.deployment()["pending_operations"]
    imported = [operation["resource"]["urn"], f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"]
    stack.refresh(*(f"--import-pending-creates={value}" for value in imported))
    assert (pending(stack), stack.authorizations()) == ([], {})
    assert emulator.journal.calls == []

    stack.configure_secret(token="second-code")
    stack.up()
    stack.destroy()
    assert held(emulator) == {}


@BOTH_FRONT_ENDS
def test_the_next_run_completes_a_killed_create_and_warns_until_it_is_cleared(
    emulator: Emulator, declared: Stack
) -> None:
    asked_to_wait(emulator, 60)
    killed(declared, emulator)

    declared.pulumi("cancel", "--yes")
    assert "interrupted while creating" in declared.up()
    assert "interrupted while creating" in declared.up()
    declared.refresh("--clear-pending-creates")
    assert "interrupted" not in declared.up()
    assert [call.status for call in authorizing(emulator)] == [429, 204]


@BOTH_FRONT_ENDS
def test_the_next_run_completes_a_killed_update(emulator: Emulator, authorized: Stack) -> None:
    authorized.configure_secret(token="second")
    asked_to_wait(emulator, 60)
    killed(authorized, emulator)

    authorized.pulumi("cancel", "--yes")
    assert pending(authorized) == ["updating"]
    assert "interrupted while updating" in authorized.up()
    assert held(emulator)["SecretToken"] == "second"
    authorized.refresh()
    assert pending(authorized) == []
    assert "2 unchanged" in authorized.up()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_one_interruption_waits_for_running_steps_and_loses_nothing(
    emulator: Emulator, declared: Stack, signal_number: signal.Signals
) -> None:
    asked_to_wait(emulator, 3)
    running = begun(declared, emulator)
    os.kill(running.pid, signal_number)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "cancelling. If you would like to terminate immediately" in printed
    assert "error: update canceled" in printed

    asked, acted = authorizing(emulator)
    assert (asked.status, acted.status) == (429, 204)
    assert (acted.time - asked.time).total_seconds() >= 3
    assert declared.authorizations()["directory"]["outputs"]["revision"] == 1
    assert pending(declared) == []
    emulator.journal.clear()
    declared.up()
    assert authorizing(emulator) == []


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_two_interruptions_stop_at_once_and_leave_a_pending_create(
    emulator: Emulator, declared: Stack, second: signal.Signals
) -> None:
    asked_to_wait(emulator, 60)
    running = begun(declared, emulator)
    plugin = declared.plugin_process()
    os.kill(running.pid, signal.SIGINT)
    time.sleep(0.5)
    os.kill(running.pid, second)
    until_gone(plugin)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 8
    assert re.search(r"(\^C|SIGTERM) received; terminating", printed)
    assert "Traceback" not in printed
    assert pending(declared) == ["creating"]

    # The CLI has removed its lock.
    declared.refresh("--clear-pending-creates")
    assert pending(declared) == []
    assert [call.status for call in authorizing(emulator)] == [429]
