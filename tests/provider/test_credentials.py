"""The keys of the credentials, and the one value that is encoded."""

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


def test_a_reference_names_the_place_of_its_value() -> None:
    assert from_environment("SCIM_TOKEN") == {"fromEnvironment": "SCIM_TOKEN"}
    assert from_file("/run/secrets/token") == {"fromFile": "/run/secrets/token"}


def test_notification_settings_are_encoded_as_json() -> None:
    assert SETTINGS.keys() == NotificationSettings.__annotations__.keys()
    others = {"SecretToken": "t", "BaseAddress": from_environment("ADDRESS")}
    assert encoded({**others, "SyncNotificationSettings": SETTINGS}) == {
        **others,
        "SyncNotificationSettings": TEXT,
    }


def test_notification_settings_in_a_list_are_encoded_as_json() -> None:
    pairs = [
        {"key": "SecretToken", "value": "t"},
        {"@odata.type": "x", "key": "SyncNotificationSettings", "value": SETTINGS},
    ]
    assert encoded(pairs) == [
        pairs[0],
        {"@odata.type": "x", "key": "SyncNotificationSettings", "value": TEXT},
    ]


def test_equal_settings_are_encoded_as_equal_text() -> None:
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
def test_other_values_are_left_to_check(declared: object) -> None:
    assert encoded(declared) == declared
