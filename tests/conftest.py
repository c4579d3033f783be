from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pulumi_entra_provisioning.emulator import Emulator
from stack import PREAMBLE, Stack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def stack(emulator: Emulator, tmp_path: Path) -> Stack:
    return Stack(tmp_path / "project", emulator.environment)


@pytest.fixture
def program_for(stack: Stack) -> Callable[[str], Stack]:
    """A stack whose program declares what is given, with the usual imports before it."""

    def written(source: str) -> Stack:
        stack.program(PREAMBLE + source)
        return stack

    return written
