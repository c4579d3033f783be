"""No value of a credential leaves either provider, whatever fails and whoever quotes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Emulator,
    Fault,
)
from support.native import BOTH_FRONT_ENDS
from support.stack import BEARER, Stack

pytestmark = BOTH_FRONT_ENDS

PRINCIPAL = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
APPLICATION = f"applications/{DEFAULT_APPLICATION_ID}"

PLANTED = "pl4nted-T0ken+/=value"


@pytest.fixture
def planted(stack: Stack) -> Stack:
    """A stack with a planted token; its program shows what it may show of it."""
    stack.declare(
        BEARER.replace("ProvisioningAuthorization(", "made = ProvisioningAuthorization(")
        + """
pulumi.export("keys", made.credential_keys)
pulumi.export("target", made.target)
"""
    )
    stack.configure_secret(token=PLANTED)
    return stack


def shown(stack: Stack) -> str:
    """Everything that the CLI has printed, and what it and its plugins wrote to files."""
    return "".join(stack.printed) + stack.written()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="*/acquireAccessToken", status=400, message=f"{PLANTED} is wrong"),
        Fault(path="*/acquireAccessToken", status=500, message=f"Bearer {PLANTED}"),
        Fault(path="*/acquireAccessToken", drop="after"),
    ],
    ids=["refused", "failed", "lost"],
)
def test_no_failure_shows_a_credential(emulator: Emulator, planted: Stack, fault: Fault) -> None:
    planted.declare(BEARER.replace("credentials=", "timeout=2, credentials="))
    emulator.faults.add(fault)
    emulator.faults.add(fault)
    planted.up("--debug", "--diff", succeeds=False)
    planted.preview("--diff", "--debug")
    assert PLANTED not in shown(planted)


def test_wrong_credentials_are_reported_without_their_values(
    emulator: Emulator, stack: Stack
) -> None:
    stack.declare(
        BEARER.replace('"SecretToken": config', f'"{PLANTED}": "{PLANTED}", "SecretToken": config')
    )
    stack.configure_secret(token=PLANTED)
    stack.preview("--debug", "--diff", succeeds=False)
    stack.preview("--json", succeeds=False)
    assert PLANTED not in shown(stack)
    assert emulator.journal.calls == []


def test_a_secret_input_makes_its_output_secret(emulator: Emulator, planted: Stack) -> None:
    planted.declare(
        BEARER.replace("credentials=", 'triggers=config.require_secret("token"), credentials=')
    )
    planted.up()
    planted.refresh()
    planted.configure_secret(token=f"{PLANTED}-2")
    planted.up("--diff")
    assert PLANTED not in shown(planted)


PLANTED_VALUES = {
    "configured": "pl4nted-configured",
    "plain": "pl4nted-plain",
    "listed": "pl4nted-listed",
    "code": "pl4nted/code+&=\\\"'",
}

PLANTING = f"""
import os
planted = {{name: config.require_secret(name) for name in ("configured", "listed")}}
plain = os.environ["PLANTED_PLAIN"]
code = os.environ["PLANTED_CODE"]
ProvisioningAuthorization(
    "mapping",
    service_principal_id="{DEFAULT_SERVICE_PRINCIPAL_ID}",
    credentials={{"SecretToken": planted["configured"], "Password": plain}},
    triggers=config.get("trigger"),
)
ProvisioningAuthorization(
    "listing",
    application_id="{DEFAULT_APPLICATION_ID}",
    credentials=[
        {{"key": "SecretToken", "value": planted["listed"]}},
        {{"key": "Oauth2AuthorizationCode", "value": code}},
    ],
)
"""


def test_no_secret_value_is_printed_or_written_in_clear(
    emulator: Emulator, program_for: Callable[[str], Stack]
) -> None:
    stack = program_for(PLANTING)
    stack.environment = {
        **stack.environment,
        "PLANTED_PLAIN": PLANTED_VALUES["plain"],
        "PLANTED_CODE": PLANTED_VALUES["code"],
    }
    stack.configure_secret(configured=PLANTED_VALUES["configured"], listed=PLANTED_VALUES["listed"])
    stack.preview("--diff", "--debug")
    stack.preview("--json")
    stack.up("--diff", "--debug")
    stack.up("--json")
    stack.refresh("--diff", "--debug")
    stack.refresh("--json")
    # A page in Entra's place echoes the request for a token.
    form = f"<html>client_secret={emulator.environment['AZURE_CLIENT_SECRET']}</html>"
    emulator.faults.add(Fault(path="*/token", status=403, body=form))
    stack.refresh("--debug", succeeds=False)
    # Graph echoes what it was sent, in clear and encoded.
    echo = json.dumps(PLANTED_VALUES["code"])[1:-1]
    for target, said in ((APPLICATION, echo), (PRINCIPAL, PLANTED_VALUES["plain"])):
        path = f"*/{target}/*/acquireAccessToken"
        emulator.faults.add(Fault(path=path, status=400, message=f"{said} is wrong"))
    stack.configure(trigger="again")
    printed = stack.up("--diff", "--debug", succeeds=False)
    assert "400 Request_BadRequest: the message is withheld" in printed
    stack.exported()
    stack.destroy("--diff", "--json")

    secrets = [
        *PLANTED_VALUES.values(),
        echo,
        emulator.environment["AZURE_CLIENT_SECRET"],
    ]
    everything = "\n".join([*stack.printed, stack.written(), repr(emulator.journal.calls)])
    assert "SecretToken" in everything
    assert [secret for secret in secrets if secret in everything] == []
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.", everything), "a bearer token"
