"""A user as the caller of Graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from entra_emulator import PERSONAL_TENANT_ID, DirectoryRole, Emulator
from entra_emulator.entra.authority import DEFAULT_USER_ID
from pulumi_entra_provisioning.errors import RequestError, SettingsError
from support.settings import found
from support.sign_in import authorized_by, signed_in, without_identity


def test_a_user_with_the_permission_and_the_role_authorizes(emulator: Emulator, path: Path) -> None:
    person = emulator.authority.issue_for_user(
        ["Synchronization.ReadWrite.All"], [DirectoryRole.HYBRID_IDENTITY_ADMINISTRATOR]
    )
    signed_in(path, "az", person)
    assert authorized_by(found({}, without_identity(emulator))) == DEFAULT_USER_ID


def test_a_user_without_a_role_sees_what_is_missing(emulator: Emulator, path: Path) -> None:
    signed_in(path, "az", emulator.authority.issue_for_user(["Application.Read.All"]))
    with pytest.raises(RequestError, match="401 UnknownError") as caught:
        authorized_by(found({}, without_identity(emulator)))
    reported = str(caught.value)
    assert "has the delegated permissions Application.Read.All through client 04b07795" in reported
    assert ", and none of the directory roles. It needs Synchronization.ReadWrite.All" in reported
    assert "Sign in as a service principal. See docs/errors.md#" in reported


def test_a_personal_account_fails_before_any_call(emulator: Emulator, path: Path) -> None:
    personal = emulator.authority.issue_for_user(
        ["Synchronization.ReadWrite.All"], tenant_id=PERSONAL_TENANT_ID
    )
    signed_in(path, "az", personal)
    with pytest.raises(SettingsError, match="personal Microsoft accounts cannot authorize"):
        authorized_by(found({}, without_identity(emulator)))
    assert emulator.journal.calls == []
