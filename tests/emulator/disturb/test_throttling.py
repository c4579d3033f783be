"""Graph's documented limits."""

from __future__ import annotations

import re

from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_TENANT_ID,
    Emulator,
    Limits,
)
from support.emulator_clients import (
    PRINCIPAL,
    SECRETS,
    authorized,
    scope,
    secret_credential,
    status_and_code,
    with_roles,
)


def test_on_demand_provisioning_is_throttled_after_five_calls_in_ten_seconds() -> None:
    path = f"{PRINCIPAL}/synchronization/jobs/scim/provisionOnDemand"
    with Emulator(throttling=True) as emulator, authorized(emulator) as client:
        answers = [client.post(path, json={}) for _ in range(6)]
        assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]
        refused = answers[5]
        assert status_and_code(refused) == (429, "TooManyRequests")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert refused.headers["x-ms-throttle-information"] == "OnDemandLimitExceeded"
        assert refused.headers["x-ms-throttle-scope"] == (
            f"Tenant_Application/Write/{DEFAULT_CLIENT_ID}/{DEFAULT_TENANT_ID}"
        )
        assert client.get(SECRETS).status_code == 200
        emulator.clock.advance(int(refused.headers["retry-after"]))
        assert client.post(path, json={}).status_code != 429


def test_a_call_after_retry_after_succeeds() -> None:
    limits = Limits(resource_units=10)
    with Emulator(throttling=limits) as emulator, authorized(emulator) as client:
        for _ in range(3):
            answers = [client.get(SECRETS) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [200] * 10 + [429]
            refused = answers[10].headers
            assert refused["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
            emulator.clock.advance(int(refused["retry-after"]))


def test_throttled_calls_count_only_for_their_client() -> None:
    limits = Limits(writes=4)
    with Emulator(throttling=limits) as emulator, authorized(emulator) as client:
        body = {"value": [{"key": "UserName", "value": "x"}]}
        waits = []
        for seconds in [0] * 4 + [100] * 2 + [0]:
            emulator.clock.advance(seconds)
            answers = [client.put(SECRETS, json=body) for _ in range(2)]
            waits.append([int(answer.headers.get("retry-after", 0)) for answer in answers])
        assert waits[:2] == [[0, 0], [0, 0]]
        assert all(140 < wait <= 150 for pair in waits[2:4] for wait in pair)
        assert all(wait > 0 for wait in waits[4] + waits[6])
        assert waits[5] == [0, 0]
        assert client.get(SECRETS).status_code == 200
        with with_roles(emulator, "Synchronization.ReadWrite.All") as other:
            assert other.put(SECRETS, json=body).status_code == 204


def test_every_response_shows_its_cost_and_warns_near_the_limit() -> None:
    limits = Limits(resource_units=10)
    with Emulator(throttling=limits) as emulator, authorized(emulator) as client:
        costs = [
            client.get("/v1.0/applications", params=query).headers["x-ms-resource-unit"]
            for query in ({}, {"$select": "id"}, {"$top": "5"}, {"$expand": "owners"})
        ]
        assert costs == ["2", "1", "1", "3"]
        near = client.get(SECRETS).headers
        assert near["x-ms-resource-unit"] == "1"
        assert near["x-ms-throttle-limit-percentage"] == "0.80"
        far = client.get(SECRETS, headers={"Authorization": "none"}).headers
        assert not [name for name in far if re.match("x-ms-(throttle|resource)", name)]


def test_without_the_option_no_call_is_throttled(emulator: Emulator) -> None:
    path = f"{PRINCIPAL}/synchronization/jobs/scim/provisionOnDemand"
    with authorized(emulator) as client:
        answers = [client.post(path, json={}) for _ in range(8)]
    assert 429 not in {answer.status_code for answer in answers}
    assert "x-ms-resource-unit" not in answers[0].headers
    assert secret_credential(emulator).get_token(scope(emulator)).token
