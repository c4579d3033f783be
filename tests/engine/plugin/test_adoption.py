"""Authorizations that the plugin takes over: imported ones, and those of the dynamic resource."""

from __future__ import annotations

import pytest
from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from support.native import TYPE, NativeStack
from support.stack import BEARER, Stack
from support.tenant import authorizing, held

TARGET = f"servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}"
EXISTING = {"BaseAddress": "https://scim.example/v2", "SecretToken": "pl4nted", "SyncAll": "true"}


@pytest.fixture
def existing(emulator: Emulator, stack: NativeStack) -> NativeStack:
    """A stack without resources, and a target that somebody has authorized elsewhere."""
    emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, EXISTING)
    return stack


def imported(stack: NativeStack) -> str:
    """What `pulumi import` prints."""
    options = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false")
    return stack.pulumi("import", TYPE, "directory", TARGET, *options)


def test_an_import_prints_no_secret_and_no_warning(
    emulator: Emulator, existing: NativeStack
) -> None:
    printed = imported(existing)
    assert "1 imported" in printed
    assert "pl4nted" not in printed + existing.written()
    assert "warning" not in printed
    assert "bug" not in printed
    outputs = existing.authorizations()["directory"]["outputs"]
    assert outputs["credentialKeys"] == sorted(EXISTING)
    assert authorizing(emulator) == []


def test_what_is_declared_after_an_import_is_adopted_without_a_call(
    emulator: Emulator, existing: NativeStack
) -> None:
    imported(existing)
    emulator.journal.clear()
    declared = BEARER.replace("credentials=", 'triggers=[1], expires_at="2040-01-01", credentials=')
    existing.declare(declared)
    existing.configure_secret(token="pl4nted")
    assert "2 unchanged" in existing.preview()
    existing.up()
    existing.up()
    assert emulator.journal.calls == []

    existing.declare(declared.replace("[1]", "[2]"))
    assert "1 updated" in existing.up()
    assert [call.status for call in authorizing(emulator)] == [204]
    # What no program has declared stays.
    assert held(emulator)["SyncAll"] == "true"
    assert "unchanged" in existing.up()


def test_another_value_than_the_adopted_one_authorizes(
    emulator: Emulator, existing: NativeStack
) -> None:
    imported(existing)
    existing.declare(BEARER)
    existing.configure_secret(token="pl4nted")
    existing.up()
    existing.configure_secret(token="another")
    printed = existing.preview("--diff")
    assert "~SecretToken:[secret]=>[secret]" in printed.replace(" ", "")
    existing.up()
    assert held(emulator)["SecretToken"] == "another"
    assert existing.authorizations()["directory"]["outputs"]["revision"] == 1


def test_destroying_an_adopted_authorization_empties_the_declared_keys(
    emulator: Emulator, existing: NativeStack
) -> None:
    imported(existing)
    existing.declare(BEARER)
    existing.configure_secret(token="pl4nted")
    existing.up()
    existing.destroy()
    assert held(emulator) == {"SyncAll": "true"}


def test_the_import_option_adopts_in_the_first_run(
    emulator: Emulator, existing: NativeStack
) -> None:
    option = f'opts=ResourceOptions(import_="{TARGET}"),'
    existing.declare(BEARER.rstrip().removesuffix(")") + f"    {option}\n)")
    existing.configure_secret(token="pl4nted")
    assert "1 imported" in existing.up()
    existing.declare(BEARER)
    existing.up()
    assert authorizing(emulator) == []


def test_a_target_that_does_not_exist_is_not_imported(
    emulator: Emulator, stack: NativeStack
) -> None:
    emulator.tenant.delete("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    printed = stack.pulumi("import", TYPE, "directory", TARGET, "--yes", succeeds=False)
    assert "404 Request_ResourceNotFound" in printed
    assert stack.authorizations() == {}


@pytest.mark.parametrize("front_end", [Stack], ids=["dynamic resource"])
def test_an_alias_moves_a_dynamic_resource_to_the_plugin_without_a_call(
    emulator: Emulator, authorized: Stack
) -> None:
    assert authorized.authorizations()["directory"]["type"].startswith("pulumi-python:dynamic/")
    # The state of the dynamic resource becomes that of a project with the plugin.
    moved = NativeStack(authorized.folder, authorized.environment)
    alias = "pulumi-python:dynamic/entra-provisioning:ProvisioningAuthorization"
    option = f'opts=ResourceOptions(aliases=[pulumi.Alias(type_="{alias}")]),'
    moved.declare(BEARER.rstrip().removesuffix(")") + f"    {option}\n)")
    before = held(emulator)
    assert "2 unchanged" in moved.up()
    assert moved.authorizations()["directory"]["type"] == TYPE
    assert "2 unchanged" in moved.up()
    assert emulator.journal.calls == []

    moved.configure_secret(token="second")
    assert "1 updated" in moved.up()
    outputs = moved.authorizations()["directory"]["outputs"]
    assert outputs["revision"] == 2
    assert "__provider" not in outputs
    moved.destroy()
    assert before != held(emulator) == {}
