"""Objects that have not replicated yet."""

from __future__ import annotations

import pytest
from entra_emulator import (
    Assumptions,
    Emulator,
)
from entra_emulator.assumptions import Refusal
from support.emulator_clients import (
    PRINCIPAL,
    anonymous,
    authorized,
    status_and_code,
    with_roles,
)


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
            assert status_and_code(client.get(path)) == (404, "Request_ResourceNotFound")
            assert status_and_code(client.get(by_app_id)) == (404, "Request_ResourceNotFound")
            assert client.get("/v1.0/applications", params=found).json()["value"] == []
            refused = client.post(f"{path}/synchronization/acquireAccessToken", json=body)
            assert status_and_code(refused) == (401, "UnknownError")
            assert refused.json()["error"]["message"] == ""
            emulator.clock.advance(14)
        assert client.get(PRINCIPAL).status_code == 200
        emulator.clock.advance(2)
        assert client.get(path).json()["id"] == principal["id"]
        assert len(client.get("/v1.0/applications", params=found).json()["value"]) == 1
        answer = client.post(f"{path}/synchronization/acquireAccessToken", json=body)
        assert answer.status_code == 204


def test_a_missing_permission_is_reported_before_a_missing_replica() -> None:
    with Emulator(replication_lag=30) as emulator, anonymous(emulator) as client:
        id = emulator.tenant.create_application("Fabrikam")["id"]
        answer = client.get(f"/v1.0/applications/{id}")
        assert status_and_code(answer) == (401, "InvalidAuthenticationToken")
        with with_roles(emulator, "User.Read.All") as caller:
            assert caller.get(f"/v1.0/applications/{id}").status_code in (403, 404)


def test_without_lag_a_new_object_is_found_at_once(emulator: Emulator) -> None:
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
    assert status_and_code(answer) == (404, "NotYet")


@pytest.mark.parametrize("lag", [-1.0, float("nan"), float("inf")])
def test_an_invalid_lag_is_refused(lag: float) -> None:
    with pytest.raises(ValueError, match="the replication lag must be a number of seconds"):
        Emulator(replication_lag=lag)
