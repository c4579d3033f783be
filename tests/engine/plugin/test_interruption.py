"""Ctrl-C reaches the provider plugin: it ends its waits at once and sends nothing afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from entra_emulator import Emulator, Fault
from support.native import NativeStack
from support.stack import BEARER, begun
from support.tenant import authorizing, held


def interrupted(running: subprocess.Popen[str]) -> tuple[str, float]:
    """What a run that is interrupted once prints, and the seconds that it takes to end."""
    os.kill(running.pid, signal.SIGINT)
    since = time.monotonic()
    printed, _ = running.communicate(timeout=60)
    assert running.returncode != 0
    return printed, time.monotonic() - since


def test_a_wait_ends_at_once_and_leaves_nothing(emulator: Emulator, declared: NativeStack) -> None:
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "120"})
    )
    printed, seconds = interrupted(begun(declared, emulator))
    # A Python program takes the CLI some seconds of its own to stop.
    assert seconds < 10
    assert "canceled, and not sent again after 429" in printed
    assert "See docs/errors.md#canceled-the-run-was-interrupted." in printed
    assert "Traceback (most recent call last)" not in plugin_lines(printed)
    assert [call.status for call in authorizing(emulator)] == [429]
    assert declared.deployment().get("pending_operations") in (None, [])
    assert declared.authorizations() == {}

    declared.up()
    assert declared.authorizations()["directory"]["outputs"]["revision"] == 1


def plugin_lines(printed: str) -> str:
    """The part of the diagnostics that stands under the authorization."""
    return printed.partition("ProvisioningAuthorization (directory):")[2].partition("\n\n")[0]


def test_a_call_on_its_way_is_recorded_as_one_that_may_have_acted(
    emulator: Emulator, declared: NativeStack
) -> None:
    declared.declare(BEARER.replace("SecretToken", "Oauth2AuthorizationCode"))
    emulator.faults.add(Fault(path="*/acquireAccessToken", delay=30))
    printed, seconds = interrupted(begun(declared, emulator))
    assert seconds < 10
    assert "canceled before the answer came, so Graph may have acted" in printed
    assert "The authorization code may be spent" in printed
    assert declared.authorizations()["directory"]["outputs"]["status"] == "Unknown"
    assert declared.deployment().get("pending_operations") in (None, [])
    assert "this authorization code may have been used" in declared.preview(succeeds=False)


def test_an_authorization_is_kept_if_the_steps_after_it_are_interrupted(
    emulator: Emulator, declared: NativeStack
) -> None:
    emulator.faults.add(Fault(path="*/validateCredentials", delay=30))
    declared.declare(BEARER.replace("credentials=", 'job_id="no.such.job", credentials='))
    printed, seconds = interrupted(begun(declared, emulator))
    assert seconds < 10
    assert "The authorization stays. The next `pulumi up` verifies again." in printed
    assert emulator.journal.select("GET", "*/secrets") == []
    outputs = declared.authorizations()["directory"]["outputs"]
    assert (outputs["revision"], outputs["verification"]) == (1, "Failed: no answer")


def test_what_waits_for_its_turn_sends_nothing(emulator: Emulator, declared: NativeStack) -> None:
    declared.declare(BEARER + BEARER.replace('"directory"', '"again"'))
    emulator.faults.add(
        Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "120"})
    )
    printed, seconds = interrupted(begun(declared, emulator))
    assert seconds < 10
    assert "The run was canceled before this step sent anything" in printed
    assert [call.status for call in authorizing(emulator)] == [429]
    assert declared.authorizations() == {}


@pytest.mark.parametrize("command", ["refresh", "destroy"])
def test_a_refresh_and_a_destroy_end_at_once(
    emulator: Emulator, authorized: NativeStack, command: str
) -> None:
    kept = held(emulator)
    emulator.faults.add(
        Fault(method="GET", path="*/secrets", status=429, headers={"Retry-After": "120"})
    )
    printed, seconds = interrupted(begun(authorized, emulator, command))
    assert seconds < 10
    assert "canceled, and not sent again after 429" in printed
    assert held(emulator) == kept
    assert authorized.authorizations()["directory"]["outputs"]["status"] == "Authorized"
    assert authorized.deployment().get("pending_operations") in (None, [])
