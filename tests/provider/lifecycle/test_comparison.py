"""Inputs are compared with the state and with other resources."""

from __future__ import annotations

from dataclasses import replace

from entra_emulator import Emulator
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle
from pulumi_entra_provisioning.wire import UNKNOWN
from support.steps import GUID, INPUTS, TARGET, created, run


def test_diff_maps_each_change_to_its_step(emulator: Emulator) -> None:
    old = created(emulator, {**INPUTS, "triggers": {"b": [1], "a": "x"}})
    same = {**INPUTS, "triggers": {"a": "x", "b": [1]}, "timeout": 5}
    other = GUID.replace("0", "1")

    assert diff(old, Inputs.of(same)).changes is False
    assert diff(old, Inputs.of({**same, "credentials": {"SecretToken": "other"}})).changes is True
    assert diff(old, Inputs.of({**same, "credentials": {"Password": "pl4nted"}})).changes is True
    assert diff(old, Inputs.of({**same, "credentials": UNKNOWN})).changes is True
    assert diff(old, Inputs.of({**same, "credentials": {"SecretToken": UNKNOWN}})).changes is True
    assert diff(old, Inputs.of({**same, "triggers": {"a": "x", "b": [True]}})).changes is True
    assert diff(old, Inputs.of(INPUTS)).changes is True
    assert diff(replace(old, status="CredentialsMissing"), Inputs.of(same)).changes is True
    assert diff(replace(old, status="Quarantined"), Inputs.of(same)).changes is False
    assert diff(old, Inputs.of(same)).replaces == ()
    for target in ({"service_principal_id": other}, {"service_principal_id": UNKNOWN}):
        assert diff(old, Inputs.of({**same, **target})).replaces == ["service_principal_id"]
    application = {**same, "service_principal_id": None, "application_id": GUID}
    assert diff(old, Inputs.of(application)).replaces == ["application_id"]


def test_diff_marks_changes_that_the_inputs_already_show(emulator: Emulator) -> None:
    old = created(emulator)
    for change in (
        {"credentials": {"SecretToken": "other"}},
        {"triggers": 1},
        {"job_id": "job"},
        {"expires_at": "2027-01-31"},
    ):
        assert diff(old, Inputs.of({**INPUTS, **change})).only_inputs_differ, change
    for unseen in (
        replace(old, status="CredentialsMissing"),
        replace(old, keys_to_empty=["Url"]),
        replace(old, credentials_digest=None),
    ):
        difference = diff(unseen, Inputs.of(INPUTS))
        assert difference.changes
        assert not difference.only_inputs_differ
        assert not diff(unseen, Inputs.of({**INPUTS, "triggers": 1})).only_inputs_differ


def test_two_resources_with_different_credentials_for_one_target_warn(
    emulator: Emulator,
) -> None:
    async def step(steps: Lifecycle) -> None:
        steps.declarations.add("first", Inputs.of(INPUTS))
        steps.declarations.add("second", Inputs.of(INPUTS))
        steps.declarations.add(
            "third", Inputs.of({**INPUTS, "credentials": {"SecretToken": UNKNOWN}})
        )
        steps.declarations.add(
            "fourth", Inputs.of({"application_id": GUID, "credentials": {"Url": "u"}})
        )

    assert run(emulator, step)[1] == []

    async def replaced(steps: Lifecycle) -> None:
        steps.declarations.add(
            "first", Inputs.of({**INPUTS, "credentials": {"SecretToken": "of the state"}})
        )
        steps.declarations.add("first", Inputs.of(INPUTS))

    assert run(emulator, replaced)[1] == [], "the engine checks what it replaces twice"

    async def differently(steps: Lifecycle) -> None:
        steps.declarations.add("first", Inputs.of(INPUTS))
        steps.declarations.add(
            "second", Inputs.of({**INPUTS, "credentials": {"SecretToken": "pl4nted-too"}})
        )

    (line,) = run(emulator, differently)[1]
    assert line.startswith(f"two resources of this program declare {TARGET} with different cred")
    assert "pl4nted" not in line
