"""The functions of the package, through the real engine."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator, Fault
from support.native import NativeStack
from support.tenant import authorizing

TARGET = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"


def returned(stack: NativeStack, function: str, **arguments: str) -> dict[str, Any]:
    """What a function returns to a program."""
    stack.declare(f'pulumi.export("returned", invoke("{function}", **{arguments}))')
    stack.up()
    found: dict[str, Any] = json.loads(stack.pulumi("stack", "output", "returned", "--json"))
    return found


def test_the_templates_of_a_target_are_found(emulator: Emulator, stack: NativeStack) -> None:
    expected = emulator.tenant.synchronization_templates(
        "servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID
    )
    found = returned(
        stack,
        "getSynchronizationTemplates",
        servicePrincipalId=f"/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}",
    )
    assert found == {
        "templates": [
            {"id": template["id"], "factoryTag": template["factoryTag"], "isDefault": True}
            for template in expected
        ]
    }
    assert expected


def test_the_status_of_an_authorization_has_its_keys_and_jobs_and_no_value(
    emulator: Emulator, stack: NativeStack
) -> None:
    emulator.tenant.put_secrets(
        "servicePrincipals",
        DEFAULT_SERVICE_PRINCIPAL_ID,
        {"BaseAddress": "https://scim.example", "SecretToken": "pl4nted"},
    )
    job = emulator.tenant.create_job(DEFAULT_SERVICE_PRINCIPAL_ID, "scim")["id"]
    emulator.tenant.start_job("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, job)
    emulator.tenant.run_cycle(DEFAULT_SERVICE_PRINCIPAL_ID)
    emulator.tenant.set_job_status(
        DEFAULT_SERVICE_PRINCIPAL_ID,
        "Quarantine",
        reason="EncounteredQuarantineException",
        error_code="InvalidCredentials",
    )
    found = returned(
        stack, "getAuthorizationStatus", servicePrincipalId=DEFAULT_SERVICE_PRINCIPAL_ID
    )
    (shown,) = (shown for shown in found.pop("jobs") if shown["id"] == job)
    assert found == {
        "target": TARGET,
        "status": "Quarantined",
        "storedKeys": ["BaseAddress", "SecretToken"],
    }
    last_run = shown.pop("lastRun")
    assert datetime.fromisoformat(last_run.replace("Z", "+00:00")) <= datetime.now(timezone.utc)
    assert shown == {
        "id": job,
        "templateId": "scim",
        "state": "Active",
        "code": "Quarantine",
        "lastResult": "Succeeded",
        "quarantine": {
            "jobId": job,
            "reason": "InvalidCredentials",
            "isForCredentials": True,
            "isDisabled": False,
        },
    }
    assert authorizing(emulator) == []
    assert "pl4nted" not in "".join(stack.printed)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "service_principal_id: no target is declared."),
        ({"applicationId": "pl4nted"}, "application_id: not an object id."),
    ],
)
def test_a_wrong_argument_is_one_message(
    emulator: Emulator, stack: NativeStack, arguments: dict[str, str], reason: str
) -> None:
    stack.declare(f'invoke("getAuthorizationStatus", **{arguments})')
    assert reason in stack.preview(succeeds=False)
    assert emulator.journal.calls == []


def test_a_refusal_is_one_message(emulator: Emulator, stack: NativeStack) -> None:
    emulator.faults.add(Fault(path="*/templates", status=403))
    stack.declare(
        'invoke("getSynchronizationTemplates",'
        f' servicePrincipalId="{DEFAULT_SERVICE_PRINCIPAL_ID}")'
    )
    printed = stack.preview(succeeds=False)
    assert f"reading the synchronization templates of {TARGET}: 403" in printed
