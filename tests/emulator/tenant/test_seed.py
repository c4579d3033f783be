"""A seed fills a new tenant and never changes an existing one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    Emulator,
)
from support.emulator_clients import PLANTED, authorized, scope, secret_credential

CLIENT, CLIENT_OBJECT = (f"10000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
APPLICATION, APP_ID, PRINCIPAL = (f"20000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))

SEED = f"""
replicationLag: 30
clients:
  - clientId: {CLIENT}
    objectId: {CLIENT_OBJECT}
    secrets:
      - {PLANTED}
      - value: an-old-secret
        expires: 2020-01-01T00:00:00Z
    roles: [Synchronization.ReadWrite.All]
applications:
  - id: {APPLICATION}
    appId: {APP_ID}
    displayName: Fabrikam
    secrets: {{BaseAddress: "https://scim.example", SecretToken: {PLANTED}}}
servicePrincipals:
  - id: {PRINCIPAL}
    appId: {APP_ID}
    authorizedAt: 2026-01-02T03:04:05Z
    secrets: {{Oauth2AccessToken: {PLANTED}}}
    jobs:
      - {{id: scim.one, templateId: scim}}
      - id: scim.two
        templateId: scim
        status: Quarantine
        quarantine: EncounteredQuarantineException
"""


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "seed.yaml"
    file.write_text(SEED)
    return file


def test_a_seed_creates_everything_under_its_ids(seed: Path) -> None:
    with Emulator(seed=seed) as emulator:
        token = secret_credential(emulator, PLANTED, CLIENT).get_token(scope(emulator)).token
        with authorized(emulator, token) as client:
            path = f"/v1.0/servicePrincipals/{PRINCIPAL}/synchronization"
            jobs = client.get(f"{path}/jobs").json()["value"]
            assert [(job["id"], job["status"]["code"]) for job in jobs] == [
                ("scim.one", "NotRun"),
                ("scim.two", "Quarantine"),
            ]
            assert jobs[1]["status"]["quarantine"]["reason"] == "EncounteredQuarantineException"
            secrets = client.get(f"/v1.0/applications/{APPLICATION}/synchronization/secrets")
        assert secrets.json()["value"][0] == {"key": "BaseAddress", "value": "https://scim.example"}
        known = emulator.tenant.client(CLIENT)
        assert known
        assert known.object_id == CLIENT_OBJECT
        assert [secret.expires is None for secret in known.secrets] == [True, False]
        (authorization,) = emulator.tenant.authorizations()
        assert (authorization.display_name, authorization.id) == ("Fabrikam", PRINCIPAL)
        assert authorization.authorized_at.isoformat() == "2026-01-02T03:04:05+00:00"
        assert emulator.tenant.get("applications", DEFAULT_APPLICATION_ID)


def test_the_replication_lag_of_a_seed_is_a_default(seed: Path) -> None:
    for given, status in ((None, 404), (0.0, 200)):
        with (
            Emulator(seed=seed, replication_lag=given) as emulator,
            authorized(emulator) as client,
        ):
            id = emulator.tenant.create_application("New")["id"]
            assert client.get(f"/v1.0/applications/{id}").status_code == status
            assert client.get(f"/v1.0/applications/{APPLICATION}").status_code == 200


def test_a_seed_never_changes_what_a_state_file_holds(seed: Path, tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with Emulator(state=state, seed=seed) as emulator:
        tenant = emulator.tenant
        tenant.put_secrets("applications", APPLICATION, {"SecretToken": "", "UserName": "x"})
        tenant.register_client(CLIENT, roles=["Another.Role"])
        tenant.delete("servicePrincipals", PRINCIPAL)
        kept = tenant.secrets("applications", APPLICATION)
    with Emulator(state=state, seed=seed) as emulator:
        tenant = emulator.tenant
        assert tenant.secrets("applications", APPLICATION) == kept
        client = tenant.client(CLIENT)
        assert client
        assert client.roles == ("Another.Role",)
        assert tenant.get("servicePrincipals", PRINCIPAL)["displayName"] == "Fabrikam"


def test_a_seed_can_replace_the_default_objects_of_a_new_tenant() -> None:
    seed = {
        "clients": [{"clientId": DEFAULT_CLIENT_ID, "secrets": ["other"]}],
        "applications": [
            {"id": DEFAULT_APPLICATION_ID, "appId": DEFAULT_APP_ID, "displayName": "Mine"}
        ],
    }
    with Emulator(seed=seed) as emulator:
        assert secret_credential(emulator, "other").get_token(scope(emulator)).token
        names = [item["displayName"] for item in emulator.tenant.objects("applications")]
    assert names == ["Mine"]


def application(**changed: Any) -> dict[str, Any]:
    return {"id": APPLICATION, "appId": APP_ID, "displayName": "Fabrikam", **changed}


def principal(*jobs: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"id": PRINCIPAL, "appId": DEFAULT_APP_ID, "jobs": list(jobs), **changed}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"client": []}, "the seed: unknown field 'client' (did you mean clients?)"),
        ({"clients": {}}, "the seed: clients must be a list"),
        ({"clients": [{}]}, "the seed: clients[0]: clientId is missing"),
        ({"clients": [{"clientId": "x"}]}, "the seed: clients[0]: clientId must be a GUID"),
        (
            {"clients": [{"clientId": CLIENT, "secrets": [12345]}]},
            "the seed: clients[0]: secrets[0] must be a text, or a mapping with the fields value,"
            " expires",
        ),
        (
            {"clients": [{"clientId": CLIENT, "secrets": [{"value": "x", "expires": "soon"}]}]},
            "the seed: clients[0]: secrets[0]: expires must be a time",
        ),
        (
            {"clients": [{"clientId": CLIENT, "roles": [1]}]},
            "the seed: clients[0]: roles must be a list of texts",
        ),
        (
            {"applications": [{"id": APPLICATION, "appId": APP_ID}]},
            "the seed: applications[0]: displayName is missing",
        ),
        (
            {"applications": [application(secrets={"secretToken": PLANTED})]},
            "the seed: applications[0]: secrets: unknown field 'secretToken' (did you mean"
            " SecretToken?)",
        ),
        (
            {"applications": [application(secrets={"SecretToken": 12345})]},
            "the seed: applications[0]: secrets: SecretToken must be a text",
        ),
        (
            {"applications": [application(authorizedAt="2026-01-01T00:00:00Z")]},
            "the seed: applications[0]: authorizedAt requires secrets",
        ),
        (
            {"applications": [application(jobs=[])]},
            "the seed: applications[0]: unknown field 'jobs' (use id,",
        ),
        (
            {"applications": [application(), application(id=PRINCIPAL)]},
            f"the seed: two applications have the appId {APP_ID}",
        ),
        (
            {"applications": [application(appId=DEFAULT_APP_ID)]},
            f"the seed's applications {APPLICATION}: in the tenant, its appId belongs to the id"
            f" {DEFAULT_APPLICATION_ID}",
        ),
        (
            {"servicePrincipals": [{"id": PRINCIPAL, "appId": APP_ID}]},
            f"the seed's servicePrincipals {PRINCIPAL}: no application has its appId",
        ),
        (
            {"servicePrincipals": [principal({"id": "a", "templateId": "b", "status": "Good"})]},
            "the seed: servicePrincipals[0]: jobs[0]: status must be one of NotConfigured, NotRun",
        ),
        (
            {"servicePrincipals": [principal({"id": "a", "templateId": "b", "status": "Active"})]},
            "the seed: servicePrincipals[0]: jobs[0]: status must be NotConfigured without secrets",
        ),
        (
            {
                "servicePrincipals": [
                    principal(
                        {"id": "a", "templateId": "b", "status": "Quarantine"},
                        secrets={"UserName": "x"},
                    )
                ]
            },
            "the seed: servicePrincipals[0]: jobs[0]: status Quarantine and quarantine (its reason)"
            " require each other",
        ),
        (
            {
                "servicePrincipals": [
                    principal({"id": "a", "templateId": "b"}, {"id": "a", "templateId": "b"})
                ]
            },
            "the seed: servicePrincipals[0]: jobs[1]: another job of the service principal has",
        ),
        ({"replicationLag": "long"}, "the seed: replicationLag must be a number"),
    ],
)
def test_the_error_of_an_invalid_seed_names_the_place_and_quotes_no_secret(
    document: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match="the seed") as caught:
        Emulator(seed=document)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert PLANTED not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_an_invalid_seed_creates_no_state_file(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with pytest.raises(ValueError, match="no application has its appId"):
        Emulator(state=state, seed={"servicePrincipals": [{"id": PRINCIPAL, "appId": APP_ID}]})
    assert not state.exists()
