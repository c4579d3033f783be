"""Runs the steps of an authorization without the engine, against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from pulumi_entra_provisioning.errors import ProvisioningError
from pulumi_entra_provisioning.identity.settings import settings
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.lifecycle.outputs import Outputs
from support.tenant import authorizing
from support.tenant import held as held

T = TypeVar("T")
GUID = DEFAULT_SERVICE_PRINCIPAL_ID
TARGET = f"servicePrincipals/{GUID}"
INPUTS: dict[str, Any] = {"service_principal_id": GUID, "credentials": {"SecretToken": "pl4nted"}}
WITH_CODE: dict[str, Any] = {**INPUTS, "credentials": {"Oauth2AuthorizationCode": "pl4nted"}}


def run(
    emulator: Emulator,
    step: Callable[[Lifecycle], Awaitable[T]],
    environment: Mapping[str, str] | None = None,
) -> tuple[T, list[str]]:
    """What `step` returns, and the lines that it logged or warned."""
    lines: list[str] = []

    async def on_a_loop() -> T:
        values = environment or emulator.environment
        return await step(Lifecycle(settings(lambda _: None, values), lines.append, lines.append))

    return asyncio.run(on_a_loop()), lines


def created(emulator: Emulator, inputs: dict[str, Any] = INPUTS) -> Outputs:
    """The outputs of a create."""
    return run(emulator, lambda steps: steps.create(Inputs.of(inputs)))[0]


def updated(emulator: Emulator, old: Outputs, inputs: dict[str, Any]) -> Outputs:
    """The outputs of an update."""
    return run(emulator, lambda steps: steps.update(old, Inputs.of(inputs)))[0]


def posts(emulator: Emulator) -> list[int | None]:
    """The status of each call of acquireAccessToken."""
    return [call.status for call in authorizing(emulator)]


SECRETS = "/synchronization/secrets"
JOBS = "/synchronization/jobs"
ACTION = "/acquireAccessToken"

Step = Callable[[Lifecycle], Awaitable[Any]]


def failure(variables: Mapping[str, str], step: Step) -> ProvisioningError:
    """The error that a step raises. It must quote no planted secret."""

    async def on_a_loop() -> ProvisioningError:
        with pytest.raises(ProvisioningError) as caught:
            await step(Lifecycle(settings(lambda _: None, variables), print, print))
        return caught.value

    error = asyncio.run(on_a_loop())
    assert "pl4nted" not in str(error)
    return error


def creates(timeout: float = 20, inputs: Mapping[str, Any] = INPUTS) -> Step:
    """A step that creates."""
    return lambda steps: steps.create(Inputs.of({**inputs, "timeout": timeout}))


def reads(steps: Lifecycle) -> Awaitable[Any]:
    """A step that reads an existing authorization."""
    return steps.read(TARGET, None)
