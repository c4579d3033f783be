"""The keys that a program declares credentials with, and the one value that is encoded."""

from __future__ import annotations

import json

import pytest
from pulumi_entra_provisioning import (
    Credentials,
    NotificationSettings,
    from_environment,
    from_file,
)
from pulumi_entra_provisioning.credentials import encoded
from pulumi_entra_provisioning.graph.secret_keys import KEYS

SETTINGS = {
    "Enabled": True,
    "Recipients": "identity@contoso.example",
    "DeleteThresholdEnabled": True,
    # As the engine passes a number.
    "DeleteThresholdValue": 17.0,
    "HumanResourcesLookaheadQueryEnabled": False,
}
TEXT = (
    '{"DeleteThresholdEnabled":true,"DeleteThresholdValue":17,"Enabled":true,'
    '"HumanResourcesLookaheadQueryEnabled":false,"Recipients":"identity@contoso.example"}'
)


def test_the_keys_of_the_type_are_those_of_graph() -> None:
    assert Credentials.__annotations__.keys() == KEYS
    assert not Credentials.__required_keys__


def test_a_reference_names_where_its_value_is() -> None:
    assert from_environment("SCIM_TOKEN") == {"fromEnvironment": "SCIM_TOKEN"}
    assert from_file("/run/secrets/token") == {"fromFile": "/run/secrets/token"}


def test_notification_settings_become_json_and_the_other_values_stay() -> None:
    assert SETTINGS.keys() == NotificationSettings.__annotations__.keys()
    others = {"SecretToken": "t", "BaseAddress": from_environment("ADDRESS")}
    assert encoded({**others, "SyncNotificationSettings": SETTINGS}) == {
        **others,
        "SyncNotificationSettings": TEXT,
    }


def test_notification_settings_become_json_in_graphs_list() -> None:
    pairs = [
        {"key": "SecretToken", "value": "t"},
        {"@odata.type": "x", "key": "SyncNotificationSettings", "value": SETTINGS},
    ]
    assert encoded(pairs) == [
        pairs[0],
        {"@odata.type": "x", "key": "SyncNotificationSettings", "value": TEXT},
    ]


def test_equal_settings_become_equal_text() -> None:
    # The engine keeps no order of keys.
    other_order = dict(reversed(SETTINGS.items()))
    assert encoded({"SyncNotificationSettings": other_order}) == {"SyncNotificationSettings": TEXT}
    assert json.loads(TEXT) == SETTINGS
    assert encoded({"SyncNotificationSettings": {}}) == {"SyncNotificationSettings": "{}"}


@pytest.mark.parametrize(
    "declared",
    [
        {"SyncNotificationSettings": '{"Enabled":false}'},
        {"SyncNotificationSettings": from_environment("SETTINGS")},
        {"SyncNotificationSettings": from_file("settings.json")},
        {"SyncNotificationSettings": {"enabled": True}},
        {"SyncNotificationSettings": ["Enabled"]},
        {"SecretToken": {"Enabled": True}},
        [{"key": "SyncNotificationSettings"}, "SyncNotificationSettings", None],
        "SyncNotificationSettings",
        None,
    ],
)
def test_everything_else_is_left_for_check(declared: object) -> None:
    assert encoded(declared) == declared
