from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.stack import BEARER, Stack
from support.tenant import held

Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture
def declared(stack: Stack) -> Stack:
    """A stack that declares one authorization and has not run yet."""
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    return stack


@pytest.fixture
def authorized(front_end: type[Stack], emulator: Emulator, tmp_path: Path, once: Once) -> Stack:
    """A stack with one authorization: BEARER with `t0ken`, deployed by an earlier `up`.

    The emulator's tenant holds its credentials, and has been asked nothing.
    """

    def deploy(folder: Path) -> None:
        with Emulator() as earlier:
            stack = front_end(folder / "project", earlier.environment)
            stack.declare(BEARER)
            stack.configure_secret(token="t0ken")
            stack.up()
            (folder / "held.json").write_text(json.dumps(held(earlier)))

    folder = once(f"authorized-{front_end.__name__}", deploy)
    credentials = json.loads((folder / "held.json").read_text())
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, credentials)
    before = front_end(folder / "project", {})
    return before.copy(tmp_path / "project", emulator.environment)
