from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.stack import BEARER, Stack
from support.tenant import held

AuthorizedBefore = Callable[[type[Stack]], tuple[Stack, dict[str, str]]]


@pytest.fixture
def declared(stack: Stack) -> Stack:
    """A stack that declares one authorization and has not run yet."""
    stack.declare(BEARER)
    stack.configure_secret(token="t0ken")
    return stack


@pytest.fixture(scope="session")
def authorized_before(tmp_path_factory: pytest.TempPathFactory) -> AuthorizedBefore:
    """A stack of a front end with one authorization, and what Graph holds after it."""

    made: dict[type[Stack], tuple[Stack, dict[str, str]]] = {}

    def deployed(front_end: type[Stack]) -> tuple[Stack, dict[str, str]]:
        if front_end not in made:
            with Emulator() as emulator:
                folder = tmp_path_factory.mktemp("authorized") / "project"
                stack = front_end(folder, emulator.environment)
                stack.declare(BEARER)
                stack.configure_secret(token="t0ken")
                stack.up()
                made[front_end] = stack, held(emulator)
        return made[front_end]

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
