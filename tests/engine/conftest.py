from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.stack import BEARER, Stack
from support.tenant import held


@pytest.fixture(scope="session")
def authorized_before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, dict[str, str]]:
    """A stack with one authorization, and the credentials that Graph holds after it."""
    with Emulator() as emulator:
        stack = Stack(tmp_path_factory.mktemp("authorized") / "project", emulator.environment)
        stack.declare(BEARER)
        stack.configure_secret(token="t0ken")
        stack.up()
        return stack, held(emulator)


@pytest.fixture
def authorized(
    emulator: Emulator, tmp_path: Path, authorized_before: tuple[Stack, dict[str, str]]
) -> Stack:
    """A stack with one authorization: BEARER with `t0ken`, deployed by an earlier `up`.

    The emulator's tenant holds its credentials, and has been asked nothing.
    """
    before, credentials = authorized_before
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, credentials)
    return before.copy(tmp_path / "project", emulator.environment)
