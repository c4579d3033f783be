from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.stack import BEARER, Stack
from support.tenant import held

Once = Callable[[str, Callable[[Path], object]], Path]
AuthorizedBefore = Callable[[type[Stack]], tuple[Stack, dict[str, str]]]


@pytest.fixture
def declared(stack: Stack) -> Stack:
    """A stack that declares one authorization and has not run yet."""
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    return stack


@pytest.fixture(scope="session")
def authorized_before(once: Once) -> AuthorizedBefore:
    """A stack of a front end with one authorization, and what Graph holds after it."""

    def deployed(front_end: type[Stack]) -> tuple[Stack, dict[str, str]]:
        def deploy(folder: Path) -> None:
            with Emulator() as emulator:
                stack = front_end(folder / "project", emulator.environment)
                stack.declare(BEARER)
                stack.configure_secret(token="t0ken")
                stack.up()
                (folder / "held.json").write_text(json.dumps(held(emulator)))

        folder = once(f"authorized-{front_end.__name__}", deploy)
        return front_end(folder / "project", {}), json.loads((folder / "held.json").read_text())

    return deployed


@pytest.fixture
def authorized(
    front_end: type[Stack], emulator: Emulator, tmp_path: Path, authorized_before: AuthorizedBefore
) -> Stack:
    """A stack with one authorization: BEARER with `t0ken`, deployed by an earlier `up`.

    The emulator's tenant holds its credentials, and has been asked nothing.
    """
    before, credentials = authorized_before(front_end)
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, credentials)
    return before.copy(tmp_path / "project", emulator.environment)
