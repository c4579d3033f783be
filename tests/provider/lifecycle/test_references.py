"""References are read when the provider acts, compared by a digest, and never stored."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from entra_emulator import Emulator
from pulumi_entra_provisioning.errors import SettingsError
from pulumi_entra_provisioning.lifecycle.comparison import diff
from pulumi_entra_provisioning.lifecycle.inputs import Inputs, check
from pulumi_entra_provisioning.wire import UNKNOWN
from support.steps import INPUTS, created, held, posts, updated

VARIABLE = {**INPUTS, "credentials": {"SecretToken": {"fromEnvironment": "SCIM_TOKEN"}}}
LITERAL = {**INPUTS, "credentials": {"SecretToken": "pl4nted"}}


def in_file(path: Path) -> dict[str, Any]:
    return {**INPUTS, "credentials": {"SecretToken": {"fromFile": str(path)}}}


def test_a_value_from_a_variable_or_file_loses_its_final_line_break(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", " pl4nted ")
    made = created(emulator, VARIABLE)
    assert held(emulator) == {"SecretToken": " pl4nted "}
    assert "pl4nted" not in repr(made)
    for content in ("in-a-file", "in-a-file\n", "in-a-file\r\n"):
        (tmp_path / "token").write_text(content, newline="")
        made = updated(emulator, made, in_file(tmp_path / "token"))
        assert held(emulator) == {"SecretToken": "in-a-file"}


def test_a_changed_referenced_value_authorizes_again(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", "first")
    old = created(emulator, VARIABLE)
    assert not diff(old, Inputs.of(VARIABLE)).changes
    monkeypatch.setenv("SCIM_TOKEN", "second")
    difference = diff(old, Inputs.of(VARIABLE))
    assert difference.changes
    assert not difference.only_inputs_differ, (
        "the engine sees the same reference and would do nothing"
    )
    new = updated(emulator, old, VARIABLE)
    assert (new.revision, held(emulator)) == (2, {"SecretToken": "second"})
    assert not diff(new, Inputs.of(VARIABLE)).changes


def test_a_reference_to_the_same_value_sends_nothing(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = created(emulator, LITERAL)
    monkeypatch.setenv("SCIM_TOKEN", "pl4nted")
    difference = diff(old, Inputs.of(VARIABLE))
    assert difference.changes, "the state has to lose the value"
    assert difference.only_inputs_differ
    new = updated(emulator, old, VARIABLE)
    assert new.revision == 1
    assert not diff(new, Inputs.of(VARIABLE)).changes
    assert posts(emulator) == [204]


def test_diff_warns_about_a_missing_value_and_reports_no_change(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", "first")
    old = created(emulator, VARIABLE)
    monkeypatch.delenv("SCIM_TOKEN")
    difference = diff(old, Inputs.of(VARIABLE))
    assert not difference.changes
    (warning,) = difference.warnings
    assert 'credentials["SecretToken"]: the environment variable SCIM_TOKEN is not set' in warning
    assert "cannot be compared" in warning
    assert "pl4nted" not in warning


def test_create_and_update_fail_on_a_missing_value_and_send_nothing(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SCIM_TOKEN", raising=False)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").write_text("\n")
    for inputs, named in (
        (VARIABLE, "SCIM_TOKEN is not set"),
        (in_file(tmp_path / "absent"), rf"directory\): {tmp_path / 'absent'}\."),
        (in_file(tmp_path / "fifo"), "the path is not a regular file"),
        (in_file(tmp_path), "the path is not a regular file"),
        (in_file(tmp_path / "empty"), "the file is empty"),
    ):
        with pytest.raises(SettingsError, match=named):
            created(emulator, inputs)
    assert emulator.journal.calls == []
    old = created(emulator, LITERAL)
    with pytest.raises(SettingsError, match="SCIM_TOKEN is not set"):
        updated(emulator, old, VARIABLE)
    assert posts(emulator) == [204]


def test_a_credential_in_place_of_a_name_or_path_is_not_shown(emulator: Emulator) -> None:
    token = "pl4nted-token-that-stands-in-the-place-of-a-name"
    by_name = {**INPUTS, "credentials": {"SecretToken": {"fromEnvironment": token}}}
    (failure,) = check(by_name)[1]
    assert "must be the name of an environment variable" in failure
    assert "pl4nted" not in failure
    with pytest.raises(SettingsError, match=r"the file cannot be read .*: \(not shown\)\."):
        created(emulator, in_file(Path(token)))


@pytest.mark.parametrize(
    "value",
    [
        {"fromEnvironment": ""},
        {"fromEnvironment": 5},
        {"fromFile": None},
        {"fromenvironment": "SCIM_TOKEN"},
        {"fromEnvironment": "SCIM_TOKEN", "fromFile": "pl4nted"},
        {},
    ],
)
def test_check_refuses_an_invalid_reference(value: Any) -> None:
    _, failures = check({**INPUTS, "credentials": {"SecretToken": value}})
    (failure,) = failures
    assert failure.startswith('credentials["SecretToken"]: a mapping must be a reference')
    assert "pl4nted" not in failure


def test_check_lists_the_documented_notification_settings() -> None:
    settings = {"SyncNotificationSettings": {"enabled": True}}
    (failure,) = check({**INPUTS, "credentials": settings})[1]
    assert "mapping of DeleteThresholdEnabled, DeleteThresholdValue, Enabled, Human" in failure


@pytest.mark.parametrize(
    "credentials",
    [
        {"SecretToken": {"fromEnvironment": "SCIM_TOKEN"}},
        [{"key": "SecretToken", "value": {"fromEnvironment": "SCIM_TOKEN"}}],
    ],
)
def test_check_accepts_a_reference_in_both_forms_of_credentials(credentials: Any) -> None:
    checked, failures = check({**INPUTS, "credentials": credentials})
    assert failures == []
    assert checked["credentials"] == {"SecretToken": {"fromEnvironment": "SCIM_TOKEN"}}


def test_a_reference_with_an_unknown_path_is_a_change(emulator: Emulator) -> None:
    old = created(emulator, LITERAL)
    unknown = {**INPUTS, "credentials": {"SecretToken": {"fromFile": UNKNOWN}}}
    assert check(unknown)[1] == []
    difference = diff(old, Inputs.of(unknown))
    assert (difference.changes, list(difference.warnings)) == (True, [])
