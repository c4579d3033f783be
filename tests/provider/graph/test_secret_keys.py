from __future__ import annotations

import pytest
from msgraph.generated.models.synchronization_secret import SynchronizationSecret
from pulumi_entra_provisioning.graph.secret_keys import (
    KEYS,
    SINGLE_USE,
    TOKEN_KEYS,
    nearest,
)


def test_the_keys_are_those_of_msgraph_sdk() -> None:
    assert {str(key.value) for key in SynchronizationSecret} == KEYS
    assert {SINGLE_USE, *TOKEN_KEYS} <= KEYS


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("baseAddress", "BaseAddress"),
        ("OAuth2ClientSecret", "Oauth2ClientSecret"),
        ("SecretTokens", "SecretToken"),
        ("TenantId", None),
        ("hunter2-hunter2", None),
    ],
)
def test_only_a_similar_key_is_suggested(written: str, meant: str | None) -> None:
    assert nearest(written) == meant
