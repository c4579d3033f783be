"""What counts as declared for an authorization that was imported."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_entra_provisioning import SettingsError
from pulumi_entra_provisioning.lifecycle.adoption import adopted, imported
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from pulumi_entra_provisioning.lifecycle.outputs import Outputs
from support.steps import GUID, INPUTS, TARGET, WITH_CODE

FOUND = Outputs(TARGET, "global", ["SecretToken", "SyncAll"], status="Authorized")
MISSING = Outputs(TARGET, "global", status="CredentialsMissing")
NO_CREDENTIALS = Inputs.of({"service_principal_id": GUID})


def changes(found: Outputs, inputs: dict[str, Any], before: Inputs | None) -> bool:
    """Whether an update follows."""
    declared = Inputs.of(inputs)
    return diff(adopted(imported(found), declared, before), declared).changes


def test_the_first_inputs_are_adopted_and_later_ones_are_compared() -> None:
    full = {**INPUTS, "triggers": [1], "job_id": "job", "expires_at": "2040-01-01"}
    assert not changes(FOUND, full, NO_CREDENTIALS)
    assert not changes(FOUND, full, None)
    assert not changes(FOUND, full, Inputs.of(full))
    for other in ({"triggers": [2]}, {"job_id": "another"}, {"credentials": {"SecretToken": "b"}}):
        assert changes(FOUND, {**full, **other}, Inputs.of(full))


def test_what_graph_does_not_hold_is_authorized_with_a_new_code() -> None:
    assert changes(MISSING, INPUTS, NO_CREDENTIALS)
    assert changes(MISSING, WITH_CODE, NO_CREDENTIALS)


def test_an_adopted_code_counts_as_used() -> None:
    assert not changes(FOUND, WITH_CODE, NO_CREDENTIALS)
    with pytest.raises(SettingsError, match="this authorization code may have been used"):
        changes(FOUND, {**WITH_CODE, "triggers": [1]}, Inputs.of(WITH_CODE))


def test_an_authorization_of_this_stack_is_left_as_it_is() -> None:
    assert adopted(FOUND, Inputs.of(INPUTS), None) is FOUND


def test_keys_that_no_program_declared_are_not_ours() -> None:
    assert adopted(imported(FOUND), NO_CREDENTIALS, NO_CREDENTIALS).credential_keys == []
    declared = Inputs.of(INPUTS)
    assert adopted(imported(FOUND), declared, declared).credential_keys == ["SecretToken"]


def test_credentials_are_needed_to_authorize_what_was_imported() -> None:
    with pytest.raises(SettingsError, match="credentials: not declared"):
        NO_CREDENTIALS.known()
