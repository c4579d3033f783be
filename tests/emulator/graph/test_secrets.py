"""The secrets of a target: how they are saved, emptied and masked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from msgraph.generated.service_principals.item.synchronization.secrets import (
    secrets_put_request_body,
)
from msgraph.graph_service_client import GraphServiceClient
from support.emulator_clients import (
    PLANTED,
    SECRETS,
    authorized,
    kept_by,
    pair,
    sdk_pairs,
    spent,
    with_sdk,
)


@pytest.fixture(scope="module")
def graph(untouched: Emulator) -> Iterator[httpx.Client]:
    with authorized(untouched) as client:
        yield client


def test_msgraph_sdk_puts_secrets_and_they_come_back_masked_in_order(emulator: Emulator) -> None:
    async def use(graph: GraphServiceClient) -> None:
        principal = graph.service_principals.by_service_principal_id(DEFAULT_SERVICE_PRINCIPAL_ID)
        await principal.synchronization.secrets.put(
            secrets_put_request_body.SecretsPutRequestBody(
                value=sdk_pairs(
                    SecretToken=PLANTED, BaseAddress="https://scim.example", SyncAll="false"
                )
            )
        )

    asyncio.run(with_sdk(emulator, use))
    with authorized(emulator) as client:
        answer = client.get(SECRETS)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["value"] == [
        {"key": "SecretToken", "value": "*"},
        {"key": "BaseAddress", "value": "https://scim.example"},
        {"key": "SyncAll", "value": "false"},
    ]
    kept = kept_by(emulator)
    assert kept["SecretToken"] == PLANTED


def test_put_leaves_the_other_keys_and_empties_those_with_no_value(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        client.put(SECRETS, json={"value": [pair("UserName"), pair("Password"), pair("Domain")]})
        changed = [pair("UserName", ""), pair("Password", None), pair("Url", "u")]
        assert client.put(SECRETS, json={"value": changed}).status_code == 204
    kept = kept_by(emulator)
    assert kept == {"Domain": PLANTED, "Url": "u"}


def test_that_put_merges_is_an_assumption() -> None:
    with Emulator(assumptions=Assumptions(put_merges=False)) as emulator:
        for key in ("UserName", "Password"):
            emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {key: "x"})
        kept = emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID)
    assert kept == {"Password": "x"}


def test_the_notification_settings_cannot_be_emptied_and_nothing_else_changes(
    emulator: Emulator,
) -> None:
    with authorized(emulator) as client:
        before = [pair("SyncNotificationSettings", "{}"), pair("UserName")]
        client.put(SECRETS, json={"value": before})
        emptied = [pair("UserName", ""), pair("SyncNotificationSettings", "")]
        answer = client.put(SECRETS, json={"value": emptied})
    assert spent(answer) == "InvalidNotificationSettings"
    kept = kept_by(emulator)
    assert kept == {"SyncNotificationSettings": "{}", "UserName": PLANTED}


def test_a_target_without_credentials_is_no_longer_authorized(emulator: Emulator) -> None:
    tenant = emulator.tenant
    id = DEFAULT_SERVICE_PRINCIPAL_ID
    pairs = {"UserName": "x", "SyncAll": "true"}
    tenant.acquire_access_token("servicePrincipals", id, pairs)
    (authorization,) = tenant.authorizations()
    assert (authorization.display_name, authorization.keys) == (
        "Contoso Sales",
        ("UserName", "SyncAll"),
    )
    tenant.put_secrets("servicePrincipals", id, {"UserName": ""})
    assert tenant.authorizations() == []
    assert tenant.jobs("servicePrincipals", id)[0]["status"]["code"] == "NotConfigured"
