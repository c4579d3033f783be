"""A clock that is moved, objects that have not replicated yet, and Graph's limits."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_TENANT_ID,
    Assumptions,
    ClientSecret,
    Emulator,
    Limits,
)
from entra_emulator.assumptions import Refusal
from support.emulator_clients import (
    PRINCIPAL,
    SECRETS,
    TOKEN,
    anonymous,
    authorized,
    scope,
    secret_credential,
    token_form,
    with_roles,
)

CLOCK = "/emulator/clock"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# The clock


def test_moving_the_clock_dates_what_happens_after_it(emulator: Emulator) -> None:
    emulator.clock.advance(86_400)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    application = emulator.tenant.create_application("Fabrikam")
    created = datetime.fromisoformat(application["createdDateTime"].replace("Z", "+00:00"))
    assert abs(created - tomorrow) < timedelta(seconds=30)
    with authorized(emulator) as client:
        client.get(SECRETS)
    assert abs(emulator.journal.calls[-1].time - tomorrow) < timedelta(seconds=30)


def test_moving_the_clock_expires_tokens_and_client_secrets(emulator: Emulator) -> None:
    expires = datetime.now(timezone.utc) + timedelta(days=1)
    emulator.tenant.register_client(DEFAULT_CLIENT_ID, [ClientSecret.of("short", expires)])
    form = token_form(emulator, client_secret="short")
    with anonymous(emulator) as client:
        token = client.post(TOKEN, data=form).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        emulator.clock.advance(3590)
        assert code(client.get(SECRETS, headers=bearer))[1] == "UnknownError"
        emulator.clock.advance(10)
        assert code(client.get(SECRETS, headers=bearer))[1] == "InvalidAuthenticationToken"
        assert client.post(TOKEN, data=form).status_code == 200
        emulator.clock.advance(86_400)
        assert client.post(TOKEN, data=form).json()["error_codes"] == [7000222]


def test_the_clock_is_moved_over_http_too(emulator: Emulator) -> None:
    with anonymous(emulator) as client:
        before = client.get(CLOCK).json()
        moved = client.post(CLOCK, json={"advance": 90.5}).json()
    assert (before["ahead"], moved["ahead"], emulator.clock.ahead) == (0, 90.5, 90.5)
    passed = datetime.fromisoformat(moved["now"]) - datetime.fromisoformat(before["now"])
    assert 90 < passed.total_seconds() < 120


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "the body: advance is missing."),
        ({"advance": "1"}, "the body: advance must be a number."),
        ({"advance": True}, "the body: advance must be a number."),
        ({"advance": -1}, "a clock is advanced by seconds, and only forward."),
        ({"advance": 10**12}, "a clock is advanced by a hundred years at most."),
        ({"back": 1}, "the body: 'back' is not known here, but advance."),
        ([], "the body must be a mapping of advance."),
    ],
)
def test_a_clock_that_is_moved_wrongly_stays(emulator: Emulator, body: Any, sentence: str) -> None:
    with anonymous(emulator) as client:
        answer = client.post(CLOCK, json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert emulator.clock.ahead == 0


def test_the_clock_goes_neither_back_nor_nowhere(emulator: Emulator) -> None:
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="a clock is advanced by seconds"):
            emulator.clock.advance(seconds)


# Replication


def test_a_new_object_is_not_found_until_it_has_replicated() -> None:
    with Emulator(replication_lag=30) as emulator, authorized(emulator) as client:
        application = client.post("/v1.0/applications", json={"displayName": "Fabrikam"}).json()
        principal = client.post(
            "/v1.0/servicePrincipals", json={"appId": application["appId"]}
        ).json()
        path = f"/v1.0/servicePrincipals/{principal['id']}"
        by_app_id = f"/v1.0/applications(appId='{application['appId']}')"
        found = {"$filter": f"appId eq '{application['appId']}'"}
        body = {"credentials": [{"key": "UserName", "value": "x"}]}
        for _ in range(2):
            assert code(client.get(path)) == (404, "Request_ResourceNotFound")
            assert code(client.get(by_app_id)) == (404, "Request_ResourceNotFound")
            assert client.get("/v1.0/applications", params=found).json()["value"] == []
            refused = client.post(f"{path}/synchronization/acquireAccessToken", json=body)
            assert code(refused) == (401, "UnknownError")
            assert refused.json()["error"]["message"] == ""
            emulator.clock.advance(14)
        assert client.get(PRINCIPAL).status_code == 200
        emulator.clock.advance(2)
        assert client.get(path).json()["id"] == principal["id"]
        assert len(client.get("/v1.0/applications", params=found).json()["value"]) == 1
        answer = client.post(f"{path}/synchronization/acquireAccessToken", json=body)
        assert answer.status_code == 204


def test_who_may_not_call_is_told_so_before_what_has_not_replicated() -> None:
    with Emulator(replication_lag=30) as emulator, anonymous(emulator) as client:
        id = emulator.tenant.create_application("Fabrikam")["id"]
        answer = client.get(f"/v1.0/applications/{id}")
        assert code(answer) == (401, "InvalidAuthenticationToken")
        with with_roles(emulator, "User.Read.All") as caller:
            assert caller.get(f"/v1.0/applications/{id}").status_code in (403, 404)


def test_without_a_lag_a_new_object_is_there_at_once(emulator: Emulator) -> None:
    with authorized(emulator) as client:
        application = client.post("/v1.0/applications", json={"displayName": "Fabrikam"}).json()
        assert client.get(f"/v1.0/applications/{application['id']}").status_code == 200


def test_how_synchronization_answers_before_replication_is_an_assumption() -> None:
    assumptions = Assumptions(unreplicated_synchronization=Refusal(404, "NotYet", "Wait."))
    with (
        Emulator(replication_lag=30, assumptions=assumptions) as emulator,
        authorized(emulator) as client,
    ):
        id = emulator.tenant.create_application("Fabrikam")["id"]
        answer = client.get(f"/v1.0/applications/{id}/synchronization/secrets")
    assert code(answer) == (404, "NotYet")


@pytest.mark.parametrize("lag", [-1.0, float("nan"), float("inf")])
def test_a_lag_that_is_no_time_is_refused(lag: float) -> None:
    with pytest.raises(ValueError, match="the replication lag is a number of seconds"):
        Emulator(replication_lag=lag)


# Throttling


def test_on_demand_provisioning_is_throttled_after_five_calls_in_ten_seconds() -> None:
    path = f"{PRINCIPAL}/synchronization/jobs/scim/provisionOnDemand"
    with Emulator(throttling=True) as emulator, authorized(emulator) as client:
        answers = [client.post(path, json={}) for _ in range(6)]
        assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]
        refused = answers[5]
        assert code(refused) == (429, "TooManyRequests")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert refused.headers["x-ms-throttle-information"] == "OnDemandLimitExceeded"
        assert refused.headers["x-ms-throttle-scope"] == (
            f"Tenant_Application/Write/{DEFAULT_CLIENT_ID}/{DEFAULT_TENANT_ID}"
        )
        assert client.get(SECRETS).status_code == 200
        emulator.clock.advance(int(refused.headers["retry-after"]))
        assert client.post(path, json={}).status_code != 429


def test_a_client_that_waits_as_long_as_it_was_told_is_served() -> None:
    limits = Limits(resource_units=10)
    with Emulator(throttling=limits) as emulator, authorized(emulator) as client:
        for _ in range(3):
            answers = [client.get(SECRETS) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [200] * 10 + [429]
            refused = answers[10].headers
            assert refused["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
            emulator.clock.advance(int(refused["retry-after"]))


def test_calls_while_throttled_count_and_other_clients_do_not_suffer() -> None:
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


def test_every_answer_tells_its_cost_and_when_the_limit_comes_near() -> None:
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


def test_without_the_option_nothing_is_counted(emulator: Emulator) -> None:
    path = f"{PRINCIPAL}/synchronization/jobs/scim/provisionOnDemand"
    with authorized(emulator) as client:
        answers = [client.post(path, json={}) for _ in range(8)]
    assert 429 not in {answer.status_code for answer in answers}
    assert "x-ms-resource-unit" not in answers[0].headers
    assert secret_credential(emulator).get_token(scope(emulator)).token
