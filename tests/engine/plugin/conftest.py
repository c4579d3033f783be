from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import Emulator
from support.native import NativeStack
from support.stack import BEARER


@pytest.fixture
def stack(emulator: Emulator, tmp_path: Path) -> NativeStack:
    return NativeStack(tmp_path / "project", emulator.environment)


@pytest.fixture
def declared(stack: NativeStack) -> NativeStack:
    """A stack that declares one authorization, which no run has made yet."""
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    return stack


@pytest.fixture
def authorized(declared: NativeStack, emulator: Emulator) -> NativeStack:
    """The same, made."""
    declared.up()
    emulator.journal.clear()
    return declared
