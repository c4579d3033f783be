"""What docs/interruption.md says of runs that are interrupted or killed, through the real CLI."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine.test_engine import authorizing, begin, plugin_process
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.stack import BEARER, Stack

ProgramFor = Callable[[str], Stack]

WITH_A_CODE = BEARER.replace("SecretToken", "Oauth2AuthorizationCode")


def asked_to_wait(emulator: Emulator, seconds: int) -> None:
    """Let Graph ask for a wait, once."""
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": f"{seconds}"})
    )


def until_used_up(emulator: Emulator) -> None:
    """Wait until the call that the fault is for has arrived, and its answer too."""
    deadline = time.monotonic() + 60
    while emulator.faults.pending:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)


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
    operations = stack.exported()["deployment"].get("pending_operations") or []
    return [operation["type"] for operation in operations]


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGHUP])
def test_a_plugin_whose_engine_is_killed_while_it_waits_sends_nothing_more(
    emulator: Emulator, program_for: ProgramFor, signal_number: signal.Signals
) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    asked_to_wait(emulator, 4)
    running = begin(stack, "up")
    until_used_up(emulator)
    plugin = plugin_process(stack)
    os.kill(running.pid, signal_number)
    running.wait()
    until_gone(plugin)
    assert [call.status for call in authorizing(emulator)] == [429]
    assert emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == {}


def test_a_code_that_a_killed_run_has_used_is_asked_for_anew(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(WITH_A_CODE)
    stack.configure_secret(token="first-code")
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=1))
    running = begin(stack, "up")
    until_used_up(emulator)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    time.sleep(2)
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert "Oauth2RefreshToken" in held

    assert "currently locked" in stack.up(succeeds=False)
    stack.pulumi("cancel", "--yes")
    assert "The authorization code has been used" in stack.up(succeeds=False)
    # What is in no state is not destroyed, either.
    stack.destroy()
    assert emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == held

    emulator.journal.clear()
    (operation,) = stack.exported()["deployment"]["pending_operations"]
    imported = [operation["resource"]["urn"], f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"]
    stack.refresh(*(f"--import-pending-creates={value}" for value in imported))
    assert (pending(stack), stack.authorizations()) == ([], {})
    assert emulator.journal.calls == []

    stack.configure_secret(token="second-code")
    stack.up()
    stack.destroy()
    assert emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == {}


def test_a_killed_creation_is_done_by_the_next_run_and_warned_of_until_it_is_cleared(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    asked_to_wait(emulator, 30)
    running = begin(stack, "up")
    until_used_up(emulator)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()

    stack.pulumi("cancel", "--yes")
    assert "interrupted while creating" in stack.up()
    assert "interrupted while creating" in stack.up()
    stack.refresh("--clear-pending-creates")
    assert "interrupted" not in stack.up()
    assert [call.status for call in authorizing(emulator)] == [429, 204]


def test_an_update_that_is_killed_is_done_by_the_next_run(
    emulator: Emulator, program_for: ProgramFor
) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="first")
    stack.up()
    stack.configure_secret(token="second")
    asked_to_wait(emulator, 30)
    running = begin(stack, "up")
    until_used_up(emulator)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()

    stack.pulumi("cancel", "--yes")
    assert pending(stack) == ["updating"]
    assert "interrupted while updating" in stack.up()
    held = emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert held["SecretToken"] == "second"
    stack.refresh()
    assert pending(stack) == []
    assert "2 unchanged" in stack.up()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_one_interruption_waits_for_what_was_begun_and_loses_nothing(
    emulator: Emulator, program_for: ProgramFor, signal_number: signal.Signals
) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    asked_to_wait(emulator, 3)
    running = begin(stack, "up")
    until_used_up(emulator)
    os.kill(running.pid, signal_number)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "cancelling. If you would like to terminate immediately" in printed
    assert "error: update canceled" in printed

    asked, acted = authorizing(emulator)
    assert (asked.status, acted.status) == (429, 204)
    assert (acted.time - asked.time).total_seconds() >= 3
    assert stack.authorizations()["directory"]["outputs"]["revision"] == 1
    assert pending(stack) == []
    emulator.journal.clear()
    stack.up()
    assert authorizing(emulator) == []


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_two_interruptions_end_the_wait_at_once_and_leave_a_pending_creation(
    emulator: Emulator, program_for: ProgramFor, second: signal.Signals
) -> None:
    stack = program_for(BEARER)
    stack.configure_secret(token="t0ken")
    asked_to_wait(emulator, 4)
    running = begin(stack, "up")
    until_used_up(emulator)
    plugin = plugin_process(stack)
    os.kill(running.pid, signal.SIGINT)
    time.sleep(0.5)
    os.kill(running.pid, second)
    until_gone(plugin)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 8
    assert re.search(r"(\^C|SIGTERM) received; terminating", printed)
    assert "Traceback" not in printed
    assert pending(stack) == ["creating"]

    # The CLI has removed its lock.
    stack.refresh("--clear-pending-creates")
    assert pending(stack) == []
    assert [call.status for call in authorizing(emulator)] == [429]
