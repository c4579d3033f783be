"""Keys that a program no longer declares are emptied after the call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from entra_emulator import Emulator, Fault
from entra_emulator.assumptions import Assumptions
from pulumi_entra_provisioning.errors import RequestError
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs
from support.steps import GUID, INPUTS, TARGET, created, held, posts, run, updated

PASSWORD = {**INPUTS, "credentials": {"UserName": "scim", "Password": "pl4nted"}}
OAUTH = {
    **INPUTS,
    "credentials": {
        "Oauth2ClientId": "contoso",
        "Oauth2ClientSecret": "pl4nted-too",
        "Oauth2RedirectUri": "https://contoso.example",
        "Oauth2AuthorizationCode": "wr0ng",
    },
}
BEARER = {**INPUTS, "credentials": {"SecretToken": "pl4nted-too"}}


@pytest.mark.parametrize(
    ("fault", "timeout"),
    [
        (Fault(path="*/acquireAccessToken", status=400), 60),
        (Fault(path="*/acquireAccessToken", status=429, headers={"Retry-After": "9"}), 2),
    ],
)
def test_a_refused_update_leaves_the_old_credentials(
    emulator: Emulator, fault: Fault, timeout: float
) -> None:
    old = created(emulator, PASSWORD)
    emulator.faults.add(fault)
    with pytest.raises(RequestError) as caught:
        updated(emulator, old, {**OAUTH, "timeout": timeout})
    assert caught.value.outputs is None, "the state stays as it was"
    assert held(emulator) == PASSWORD["credentials"]
    assert not diff(old, Inputs.of(PASSWORD)).changes


def test_update_empties_old_keys_after_it_authorizes_the_new_ones(emulator: Emulator) -> None:
    old = created(emulator, PASSWORD)
    emulator.journal.clear()
    new = updated(emulator, old, BEARER)
    assert held(emulator) == BEARER["credentials"]
    assert (new.credential_keys, new.stored_keys, new.keys_to_empty) == (
        ["SecretToken"],
        ["SecretToken"],
        [],
    )
    changes = [call for call in emulator.journal.select(path="/v1.0/*") if call.method != "GET"]
    assert [call.path.rpartition("/")[2] for call in changes] == ["acquireAccessToken", "secrets"]


@pytest.mark.parametrize(
    "fault",
    [{"status": 403}, {"status": 500}, {"status": 429, "headers": {"Retry-After": "600"}}],
)
def test_the_next_update_empties_keys_that_the_last_one_could_not(
    emulator: Emulator, fault: dict[str, Any]
) -> None:
    old = created(emulator, PASSWORD)
    emulator.faults.add(Fault(method="PUT", path="*/secrets", **fault))
    new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(BEARER)))
    assert new.status == "Authorized"
    assert new.keys_to_empty == ["Password", "UserName"]
    assert f"emptying credentials of {TARGET}: {fault['status']}" in lines[-1]
    assert "The next `pulumi up` empties Password, UserName. See docs/errors.md#" in lines[-1]
    assert set(held(emulator)) == {"SecretToken", "Password", "UserName"}

    difference = diff(new, Inputs.of(BEARER))
    assert difference.changes
    assert not difference.only_inputs_differ, "the engine would see no difference"
    emptied = updated(emulator, new, BEARER)
    assert emptied == replace(new, keys_to_empty=[])
    assert held(emulator) == BEARER["credentials"]
    assert posts(emulator) == [204, 204]
    assert not diff(emptied, Inputs.of(BEARER)).changes


def test_delete_empties_keys_that_update_could_not(emulator: Emulator) -> None:
    old = created(emulator, PASSWORD)
    emulator.faults.add(Fault(method="PUT", path="*/secrets", status=500))
    new = updated(emulator, old, BEARER)
    run(emulator, lambda steps: steps.delete(new))
    assert held(emulator) == {}


def test_update_keeps_a_key_that_is_declared_again(emulator: Emulator) -> None:
    old = created(emulator, PASSWORD)
    emulator.faults.add(Fault(method="PUT", path="*/secrets", status=500))
    new = updated(emulator, old, BEARER)
    back = updated(emulator, new, PASSWORD)
    assert back.keys_to_empty == []
    assert held(emulator) == PASSWORD["credentials"]


def test_update_warns_about_a_key_that_graph_never_empties(emulator: Emulator) -> None:
    settings = json.dumps({"Enabled": True})
    notifying = {**INPUTS, "credentials": {**BEARER["credentials"]}}
    notifying["credentials"]["SyncNotificationSettings"] = settings
    old = created(emulator, notifying)
    new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(BEARER)))
    assert new.keys_to_empty == []
    assert f"SyncNotificationSettings of {TARGET} was not emptied: " in "".join(lines)
    assert not diff(new, Inputs.of(BEARER)).changes


def test_update_reports_a_service_that_drops_unnamed_keys() -> None:
    with Emulator(assumptions=Assumptions(put_merges=False)) as emulator:
        old = created(emulator, PASSWORD)
        new, lines = run(emulator, lambda steps: steps.update(old, Inputs.of(BEARER)))
        assert new.status == "CredentialsMissing"
        assert f"{TARGET} lost credentials with the emptied keys" in lines[-1]
        again = updated(emulator, new, BEARER)
        assert again.status == "Authorized"
        assert emulator.tenant.secrets("servicePrincipals", GUID) == BEARER["credentials"]
