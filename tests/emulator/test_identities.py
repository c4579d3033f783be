"""Every identity of azure-identity: pipelines, machines, people, and the national clouds."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzurePipelinesCredential,
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from entra_emulator import (
    DEFAULT_APP_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_SUBJECTS,
    DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
    DEFAULT_TENANT_ID,
    DEFAULT_USER_ASSIGNED_CLIENT_ID,
    PERSONAL_TENANT_ID,
    DirectoryRole,
    Emulator,
    FederatedIdentityCredential,
)
from entra_emulator.cli import without_identity
from entra_emulator.server import Workload
from entra_emulator.state import Issuer
from support.connect_proxy import ConnectProxy
from support.emulator_clients import (
    ACQUIRE,
    JOBS,
    PLANTED,
    SECRETS,
    UNKNOWN_GUID,
    Certificate,
    anonymous,
    authorized,
    error,
    scope,
)


@pytest.fixture(scope="module")
def untouched() -> Iterator[Emulator]:
    """An emulator for tests that leave nothing behind in the tenant."""
    with Emulator() as running:
        yield running


@pytest.fixture
def in_workload(untouched: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the environment of a workload, as the emulator gives it, and no other identity."""

    def entered(workload: Workload) -> dict[str, str]:
        for name in os.environ.keys() - without_identity(os.environ).keys():
            monkeypatch.delenv(name)
        environment = untouched.environment_in(workload)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return environment

    return entered


def options(emulator: Emulator) -> dict[str, Any]:
    return {
        "authority": emulator.url,
        "disable_instance_discovery": True,
        "connection_verify": emulator.ca_file,
    }


def with_assertion(
    emulator: Emulator, assertion: str, client_id: str = DEFAULT_CLIENT_ID
) -> ClientAssertionCredential:
    return ClientAssertionCredential(
        DEFAULT_TENANT_ID, client_id, lambda: assertion, **options(emulator)
    )


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def trusting(emulator: Emulator, *credentials: FederatedIdentityCredential) -> str:
    """A client without a secret that trusts these."""
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, federated_credentials=credentials)
    return client_id


# Pipelines


def test_a_job_of_github_actions_gets_a_token_for_the_default_client_without_a_secret(
    untouched: Emulator, in_workload: Any
) -> None:
    environment = in_workload("github-actions")

    def assertion() -> str:
        with anonymous(untouched) as client:
            answer = client.get(
                f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://AzureADTokenExchange",
                headers={
                    "Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"
                },
            )
        return str(answer.json()["value"])

    claims = claims_of(assertion())
    assert claims["sub"] == "repo:contoso/provisioning:ref:refs/heads/main"
    assert claims["aud"] == "api://AzureADTokenExchange"
    assert (claims["repository"], claims["ref"]) == ("contoso/provisioning", "refs/heads/main")
    credential = ClientAssertionCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        assertion,
        **options(untouched),
    )
    token = credential.get_token(scope(untouched)).token
    assert claims_of(token)["appid"] == DEFAULT_CLIENT_ID
    assert authorized(untouched, token).get(SECRETS).status_code == 200


def test_a_pipeline_of_azure_devops_gets_a_token_with_azure_identitys_own_credential(
    untouched: Emulator, in_workload: Any
) -> None:
    environment = in_workload("azure-devops")
    credential = AzurePipelinesCredential(
        tenant_id=environment["AZURESUBSCRIPTION_TENANT_ID"],
        client_id=environment["AZURESUBSCRIPTION_CLIENT_ID"],
        service_connection_id=environment["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"],
        system_access_token=environment["SYSTEM_ACCESSTOKEN"],
        **options(untouched),
    )
    token = credential.get_token(scope(untouched)).token
    assert authorized(untouched, token).get(SECRETS).status_code == 200


@pytest.mark.parametrize(
    ("workload", "asked"), [("github-actions", "GET"), ("azure-devops", "POST")]
)
@pytest.mark.parametrize("sent", [None, "Bearer", f"Bearer {PLANTED}", PLANTED])
def test_a_pipeline_with_a_wrong_request_token_is_given_none(
    untouched: Emulator, workload: Workload, asked: str, sent: str | None
) -> None:
    headers = {"Authorization": sent} if sent else {}
    query = {"api-version": "7.1", "serviceConnectionId": DEFAULT_SERVICE_CONNECTION_ID}
    with anonymous(untouched) as client:
        answer = client.request(asked, f"/oidc/{workload}/token", params=query, headers=headers)
    assert answer.status_code == 401
    assert PLANTED not in answer.text


def test_an_unknown_service_connection_is_told_by_azure_pipelines_credential(
    untouched: Emulator, in_workload: Any
) -> None:
    environment = in_workload("azure-devops")
    credential = AzurePipelinesCredential(
        tenant_id=DEFAULT_TENANT_ID,
        client_id=DEFAULT_CLIENT_ID,
        service_connection_id=UNKNOWN_GUID,
        system_access_token=environment["SYSTEM_ACCESSTOKEN"],
        retry_total=0,
        **options(untouched),
    )
    with pytest.raises(ClientAuthenticationError, match="The service connection was not found"):
        credential.get_token(scope(untouched))


def test_azure_devops_wants_an_api_version_that_it_knows(untouched: Emulator) -> None:
    headers = {"Authorization": f"Bearer {untouched.federation.request_token}"}
    with anonymous(untouched, headers=headers) as client:
        answer = client.post("/oidc/azure-devops/token")
    assert answer.status_code == 400


def test_a_job_of_gitlab_gets_a_token_with_the_one_in_its_variable(
    untouched: Emulator, in_workload: Any
) -> None:
    assertion = in_workload("gitlab")["ARM_OIDC_TOKEN"]
    assert with_assertion(untouched, assertion).get_token(scope(untouched)).token


def test_a_pod_of_kubernetes_gets_a_token_with_the_one_in_its_file(
    untouched: Emulator, in_workload: Any
) -> None:
    environment = in_workload("kubernetes")
    credential = WorkloadIdentityCredential(
        disable_instance_discovery=True, connection_verify=untouched.ca_file
    )
    token = credential.get_token(scope(untouched)).token
    assert claims_of(token)["appid"] == environment["AZURE_CLIENT_ID"] == DEFAULT_CLIENT_ID


@pytest.mark.parametrize("issuer", DEFAULT_SUBJECTS)
def test_anyone_can_verify_what_an_issuer_signs(untouched: Emulator, issuer: Issuer) -> None:
    token = untouched.federation.token(issuer)
    url = claims_of(token)["iss"]
    with anonymous(untouched) as client:
        metadata = client.get(f"{url}/.well-known/openid-configuration").json()
        keys = jwt.PyJWKSet.from_dict(client.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience="api://AzureADTokenExchange",
        issuer=metadata["issuer"],
    )
    assert claims["sub"] == DEFAULT_SUBJECTS[issuer]


def test_an_issuer_that_there_is_not_has_no_metadata(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        assert client.get("/oidc/jenkins/.well-known/openid-configuration").status_code == 404


def test_a_workload_that_there_is_not_is_told_with_those_that_there_are(
    untouched: Emulator,
) -> None:
    with pytest.raises(ValueError, match="github-actions, azure-devops, gitlab"):
        untouched.environment_in("jenkins")  # type: ignore[arg-type]


@pytest.mark.parametrize("workload", get_args(Workload))
def test_a_command_that_the_emulator_runs_keeps_nothing_of_a_real_pipeline_or_machine(
    untouched: Emulator, workload: Workload
) -> None:
    environment = untouched.environment_in(workload)
    assert "AZURE_CLIENT_SECRET" not in environment
    # A pipeline may show its own token to more than the endpoint that is taken away.
    assert without_identity(environment).keys() <= {"NO_PROXY", "no_proxy", "SYSTEM_ACCESSTOKEN"}


# What a client trusts


def test_a_client_trusts_exactly_the_issuer_the_subject_and_the_audience_that_it_names(
    untouched: Emulator,
) -> None:
    client_id = trusting(
        untouched, FederatedIdentityCredential("gitlab", "project_path:a/b", ("api://a", "api://b"))
    )
    for audience in ("api://a", "api://b"):
        assertion = untouched.federation.token("gitlab", "project_path:a/b", audience)
        assert with_assertion(untouched, assertion, client_id).get_token(scope(untouched)).token


def test_a_client_may_name_an_issuer_by_its_url(untouched: Emulator) -> None:
    issuer = untouched.federation.url("kubernetes")
    assert issuer.startswith(untouched.url)
    client_id = trusting(untouched, FederatedIdentityCredential(issuer, "a"))
    assertion = untouched.federation.token("kubernetes", "a")
    assert with_assertion(untouched, assertion, client_id).get_token(scope(untouched)).token


@pytest.mark.parametrize(
    ("issuer", "subject", "audience", "refusal"),
    [
        (
            "kubernetes",
            "project_path:a/b",
            "api://AzureADTokenExchange",
            "AADSTS700211: No matching federated identity record found for presented assertion"
            " issuer '{url}/oidc/kubernetes'.",
        ),
        (
            "gitlab",
            "project_path:A/b",
            "api://AzureADTokenExchange",
            "AADSTS700213: No matching federated identity record found for presented assertion"
            " subject 'project_path:A/b'.",
        ),
        (
            "gitlab",
            "project_path:a/b",
            "api://AzureADTokenExchangeUSGov",
            "AADSTS700212: No matching federated identity record found for presented assertion"
            " audience 'api://AzureADTokenExchangeUSGov'.",
        ),
    ],
)
def test_what_a_client_does_not_trust_is_refused_in_entras_words(
    untouched: Emulator, issuer: Issuer, subject: str, audience: str, refusal: str
) -> None:
    client_id = trusting(untouched, FederatedIdentityCredential("gitlab", "project_path:a/b"))
    assertion = untouched.federation.token(issuer, subject, audience)
    with pytest.raises(ClientAuthenticationError) as caught:
        with_assertion(untouched, assertion, client_id).get_token(scope(untouched))
    assert refusal.format(url=untouched.url) in str(caught.value)
    assert caught.value.response
    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.text())["error"] == "invalid_client"


def test_an_assertion_that_has_expired_is_refused(emulator: Emulator) -> None:
    old = emulator.federation.token("gitlab", lifetime=-600)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700024"):
        with_assertion(emulator, old).get_token(scope(emulator))
    fresh = emulator.federation.token("gitlab")
    emulator.clock.advance(3600)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700024"):
        with_assertion(emulator, fresh).get_token(scope(emulator))


def forged(emulator: Emulator, **changed: Any) -> str:
    """An assertion with the claims of contoso's job of GitLab, signed with another key."""
    claims = claims_of(emulator.federation.token("gitlab"))
    return jwt.encode(claims | changed, Certificate().key, "RS256", headers={"kid": "gitlab"})


def test_an_assertion_that_another_key_signed_is_refused(untouched: Emulator) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS50013: Assertion failed signature"):
        with_assertion(untouched, forged(untouched)).get_token(scope(untouched))


def test_an_assertion_with_the_key_of_another_issuer_is_refused(untouched: Emulator) -> None:
    other = untouched.federation._key("kubernetes")
    claims = claims_of(untouched.federation.token("gitlab"))
    assertion = jwt.encode(claims, other, "RS256", headers={"kid": "kubernetes"})
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000272: The certificate used"):
        with_assertion(untouched, assertion).get_token(scope(untouched))


def test_an_issuer_that_is_not_played_here_is_refused_and_nobody_is_asked_for_its_keys(
    untouched: Emulator,
) -> None:
    foreign = "https://token.actions.githubusercontent.com"
    assertion = forged(untouched, iss=foreign, sub=PLANTED)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700211") as caught:
        with_assertion(untouched, assertion).get_token(scope(untouched))
    assert PLANTED not in str(caught.value)
    client_id = trusting(untouched, FederatedIdentityCredential(foreign, PLANTED))
    with pytest.raises(ClientAuthenticationError, match=r"AADSTS50013.*The key was not found"):
        with_assertion(untouched, assertion, client_id).get_token(scope(untouched))


def test_what_a_client_trusts_is_kept_in_a_state_file(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with Emulator(state=state) as emulator:
        client_id = trusting(emulator, FederatedIdentityCredential("gitlab", "a", ("api://a",)))
    with Emulator(state=state) as emulator:
        assertion = emulator.federation.token("gitlab", "a", "api://a")
        assert with_assertion(emulator, assertion, client_id).get_token(scope(emulator)).token


def test_a_state_file_of_a_client_without_federated_credentials_is_read(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with Emulator(state=state) as emulator:
        trusting(emulator)
    document = json.loads(state.read_text())
    for client in document["clients"]:
        del client["federated_credentials"]
    state.write_text(json.dumps(document))
    with Emulator(state=state) as emulator:
        client = emulator.tenant.client(DEFAULT_CLIENT_ID)
    assert client
    assert client.federated_credentials == ()


def test_a_seed_says_whom_a_client_trusts() -> None:
    client_id = str(uuid4())
    trusted = [
        {"issuer": "github-actions", "subject": "repo:a/b:environment:c"},
        {"issuer": "gitlab", "subject": "d", "audiences": ["api://e"]},
    ]
    seed = {"clients": [{"clientId": client_id, "federatedCredentials": trusted}]}
    with Emulator(seed=seed) as emulator:
        for assertion in (
            emulator.federation.token("github-actions", "repo:a/b:environment:c"),
            emulator.federation.token("gitlab", "d", "api://e"),
        ):
            assert with_assertion(emulator, assertion, client_id).get_token(scope(emulator)).token


@pytest.mark.parametrize(
    ("trusted", "problem"),
    [
        ({"issuer": "gitlab"}, r"federatedCredentials\[0\]: subject is missing"),
        ({"issuer": "gitlab", "subject": "a", "audience": "b"}, "'audience' is not known here"),
        ({"issuer": "gitlab", "subject": "a", "audiences": [1]}, "audiences must be a list of"),
    ],
)
def test_a_seed_that_says_it_wrongly_is_refused(trusted: dict[str, Any], problem: str) -> None:
    seed = {"clients": [{"clientId": UNKNOWN_GUID, "federatedCredentials": [trusted]}]}
    with pytest.raises(ValueError, match=problem):
        Emulator(seed=seed)


def test_nothing_of_an_assertion_or_a_request_token_is_in_the_journal(emulator: Emulator) -> None:
    assertion = emulator.federation.token("gitlab")
    with_assertion(emulator, assertion).get_token(scope(emulator))
    bearer = {"Authorization": f"Bearer {emulator.federation.request_token}"}
    with anonymous(emulator, headers=bearer) as client:
        client.get("/oidc/github-actions/token", params={"audience": PLANTED})
        client.get("/msi/token", headers={"X-IDENTITY-HEADER": PLANTED})
        page = client.get("/").text
    shown = repr(emulator.journal.calls) + page
    assert "/oidc/github-actions/token" in shown
    for secret in (assertion, emulator.federation.request_token, PLANTED):
        assert secret not in shown


# Machines


@pytest.mark.parametrize("workload", ["virtual-machine", "app-service"])
@pytest.mark.parametrize(
    ("asked", "client_id", "resource"),
    [
        (None, DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID, "Microsoft.Compute/virtualMachines/"),
        (
            DEFAULT_USER_ASSIGNED_CLIENT_ID,
            DEFAULT_USER_ASSIGNED_CLIENT_ID,
            "Microsoft.ManagedIdentity/userAssignedIdentities/",
        ),
    ],
)
def test_a_managed_identity_gets_a_token(
    untouched: Emulator,
    in_workload: Any,
    workload: Workload,
    asked: str | None,
    client_id: str,
    resource: str,
) -> None:
    assert not any("CLIENT_" in name for name in in_workload(workload))
    credential = ManagedIdentityCredential(client_id=asked, connection_verify=untouched.ca_file)
    token = credential.get_token(scope(untouched)).token
    claims = claims_of(token)
    assert (claims["appid"], claims["idtyp"], claims["tid"]) == (
        client_id,
        "app",
        DEFAULT_TENANT_ID,
    )
    assert resource in claims["xms_mirid"]
    assert authorized(untouched, token).get(SECRETS).status_code == 200
    assert untouched.journal.calls[-2].client_id == client_id


@pytest.mark.parametrize("workload", ["virtual-machine", "app-service"])
def test_a_user_assigned_identity_may_be_named_by_its_object_or_its_resource(
    untouched: Emulator, in_workload: Any, workload: Workload
) -> None:
    in_workload(workload)
    known = untouched.tenant.client(DEFAULT_USER_ASSIGNED_CLIENT_ID)
    assert known
    by_object = ManagedIdentityCredential(
        identity_config={"object_id": known.object_id}, connection_verify=untouched.ca_file
    )
    claims = claims_of(by_object.get_token(scope(untouched)).token)
    by_resource = ManagedIdentityCredential(
        identity_config={"resource_id": claims["xms_mirid"]}, connection_verify=untouched.ca_file
    )
    claims = claims_of(by_resource.get_token(scope(untouched)).token)
    assert claims["appid"] == DEFAULT_USER_ASSIGNED_CLIENT_ID


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        ("virtual-machine", r"\(invalid_request\) Identity not found"),
        ("app-service", "400, No User Assigned or Delegated Managed Identity found"),
    ],
)
def test_an_identity_that_the_machine_has_not_is_told(
    untouched: Emulator, in_workload: Any, workload: Workload, said: str
) -> None:
    in_workload(workload)
    for client_id in (UNKNOWN_GUID, DEFAULT_CLIENT_ID):
        credential = ManagedIdentityCredential(
            client_id=client_id, connection_verify=untouched.ca_file
        )
        with pytest.raises(CredentialUnavailableError, match=said):
            credential.get_token(scope(untouched))


IMDS = "/metadata/identity/oauth2/token"


@pytest.mark.parametrize(
    ("headers", "changed", "answered"),
    [
        ({}, {}, ("bad_request_102", "Required metadata header not specified")),
        (
            {"Metadata": "true"},
            {"resource": ""},
            ("invalid_request", "Required query variable 'resource' is missing"),
        ),
        (
            {"Metadata": "true"},
            {"api-version": ""},
            ("invalid_request", "Required query variable 'api-version' is missing"),
        ),
        (
            {"Metadata": "true"},
            {"client_id": PLANTED},
            ("invalid_request", "Identity not found"),
        ),
    ],
)
def test_imds_refuses_in_its_own_words(
    untouched: Emulator, headers: dict[str, str], changed: dict[str, str], answered: tuple[str, str]
) -> None:
    query = {"api-version": "2018-02-01", "resource": untouched.url, **changed}
    with anonymous(untouched) as client:
        answer = client.get(IMDS, params=query, headers=headers)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_description"]) == (400, *answered)


def test_a_resource_that_there_is_not_is_refused_by_both(
    untouched: Emulator, in_workload: Any
) -> None:
    header = in_workload("app-service")["IDENTITY_HEADER"]
    resource = "https://vault.azure.net"
    with anonymous(untouched) as client:
        imds = client.get(
            IMDS,
            params={"api-version": "2018-02-01", "resource": resource},
            headers={"Metadata": "true"},
        )
        service = client.get(
            "/msi/token",
            params={"api-version": "2019-08-01", "resource": resource},
            headers={"X-IDENTITY-HEADER": header},
        )
    assert (imds.status_code, imds.json()["error"]) == (400, "invalid_resource")
    assert (service.status_code, service.json()["statusCode"]) == (400, 400)
    assert "AADSTS500011" in imds.text
    assert "AADSTS500011" in service.text


def test_app_service_wants_its_header_and_an_api_version_that_it_knows(
    untouched: Emulator, in_workload: Any
) -> None:
    header = in_workload("app-service")["IDENTITY_HEADER"]
    query = {"api-version": "2019-08-01", "resource": untouched.url}
    with anonymous(untouched) as client:
        assert client.get("/msi/token", params=query).status_code == 401
        client.headers["X-IDENTITY-HEADER"] = header
        assert client.get("/msi/token", params=query).status_code == 200
        query["api-version"] = "2017-09-01"
        assert client.get("/msi/token", params=query).status_code == 400


def test_a_managed_identity_has_no_secret_that_the_token_endpoint_takes(
    untouched: Emulator,
) -> None:
    credential = ClientSecretCredential(
        DEFAULT_TENANT_ID,
        DEFAULT_SYSTEM_ASSIGNED_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        **options(untouched),
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(scope(untouched))


# People


def signed_in(emulator: Emulator, *scopes: str, roles: tuple[str, ...] = ()) -> httpx.Client:
    return authorized(emulator, emulator.authority.issue_for_user(scopes, roles))


CREDENTIALS = {"credentials": [{"key": "SecretToken", "value": "a"}]}


@pytest.mark.parametrize("role", DirectoryRole)
def test_a_person_authorizes_with_the_delegated_permission_and_a_directory_role(
    emulator: Emulator, role: DirectoryRole
) -> None:
    with signed_in(emulator, "Synchronization.ReadWrite.All", roles=(role.value,)) as person:
        assert person.post(ACQUIRE, json=CREDENTIALS).status_code == 204


def test_a_persons_token_says_who_is_signed_in(untouched: Emulator) -> None:
    role = DirectoryRole.APPLICATION_ADMINISTRATOR
    claims = claims_of(untouched.authority.issue_for_user(["A.Read", "B.Read"], [role]))
    assert (claims["scp"], claims["idtyp"]) == ("A.Read B.Read", "user")
    assert claims["wids"] == ["9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"]
    assert "roles" not in claims
    assert "@" in claims["upn"]


@pytest.mark.parametrize(
    ("scopes", "roles"),
    [
        ((), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Synchronization.ReadWrite.All",), ()),
        (("Synchronization.ReadWrite.All",), (UNKNOWN_GUID,)),
        (("Synchronization.Read.All",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Application.ReadWrite.All",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
        (("Application.ReadWrite.OwnedBy",), (DirectoryRole.APPLICATION_ADMINISTRATOR,)),
    ],
)
def test_a_person_who_lacks_either_is_refused_as_a_client_without_its_permission_is(
    untouched: Emulator, scopes: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    with signed_in(untouched, *scopes, roles=roles) as person:
        assert error(person.post(ACQUIRE, json=CREDENTIALS)) == (401, "UnknownError", "")


def test_a_person_reads_jobs_with_the_delegated_permission_to_read(untouched: Emulator) -> None:
    role = DirectoryRole.HYBRID_IDENTITY_ADMINISTRATOR
    with signed_in(untouched, "Synchronization.Read.All", roles=(role,)) as person:
        assert person.get(JOBS).status_code == 200


@pytest.mark.parametrize(
    ("delegated", "reads", "writes"),
    [
        ("Application.Read.All", True, False),
        ("Directory.Read.All", True, False),
        ("Application.ReadWrite.All", True, True),
        ("Directory.ReadWrite.All", True, True),
        ("Application.ReadWrite.OwnedBy", False, False),
        ("User.Read", False, False),
    ],
)
def test_a_person_reads_and_writes_the_directory_with_the_delegated_permissions(
    emulator: Emulator, delegated: str, reads: bool, writes: bool
) -> None:
    with signed_in(emulator, delegated) as person:
        found = person.get(f"/v1.0/servicePrincipals(appId='{DEFAULT_APP_ID}')")
        made = person.post("/v1.0/applications", json={"displayName": "New"})
    assert (found.status_code == 200, made.status_code == 201) == (reads, writes)
    for answer, may in ((found, reads), (made, writes)):
        if not may:
            assert error(answer)[:2] == (403, "Authorization_RequestDenied")


def test_a_personal_account_is_refused(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(
        ["Application.Read.All"], tenant_id=PERSONAL_TENANT_ID
    )
    assert claims_of(token)["tid"] == "9188040d-6c67-4c5b-b112-36a304b66dad"
    with authorized(untouched, token) as person:
        answer = person.get(f"/v1.0/servicePrincipals/{DEFAULT_SERVICE_PRINCIPAL_ID}")
    assert error(answer) == (400, "BadRequest", "This API is not supported for MSA accounts.")


def test_a_person_of_another_tenant_is_refused(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(["Application.Read.All"], tenant_id=UNKNOWN_GUID)
    with authorized(untouched, token) as person:
        assert error(person.get(SECRETS))[:2] == (401, "InvalidAuthenticationToken")


def test_a_persons_token_expires(untouched: Emulator) -> None:
    token = untouched.authority.issue_for_user(["Application.Read.All"], lifetime=-1)
    with authorized(untouched, token) as person:
        assert error(person.get(SECRETS))[:2] == (401, "InvalidAuthenticationToken")


# National clouds

CLOUDS = {
    "login.microsoftonline.com": "graph.microsoft.com",
    "login.microsoftonline.us": "graph.microsoft.us",
    "login.chinacloudapi.cn": "microsoftgraph.chinacloudapi.cn",
}


@pytest.fixture(scope="module")
def everywhere() -> Iterator[tuple[Emulator, ConnectProxy]]:
    """An emulator that answers for the real hosts, and a proxy that leads to it."""
    hosts = [*CLOUDS, *CLOUDS.values(), "dod-graph.microsoft.us"]
    with Emulator(hosts=hosts) as emulator, ConnectProxy(emulator.url) as proxy:
        yield emulator, proxy


@pytest.mark.parametrize(
    ("authority", "graph"),
    [*CLOUDS.items(), ("login.microsoftonline.us", "dod-graph.microsoft.us")],
)
def test_a_client_of_each_cloud_is_served_under_the_clouds_own_hosts(
    everywhere: tuple[Emulator, ConnectProxy], authority: str, graph: str
) -> None:
    emulator, proxy = everywhere
    proxy.asked.clear()
    credential = ClientSecretCredential(
        DEFAULT_TENANT_ID,
        DEFAULT_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        authority=authority,
        connection_verify=emulator.ca_file,
        proxies={"https": proxy.url},
    )
    token = credential.get_token(f"https://{graph}/.default").token
    claims = claims_of(token)
    assert claims["aud"] == f"https://{graph}"
    assert claims["iss"] == f"https://{authority}/{DEFAULT_TENANT_ID}/v2.0"
    with httpx.Client(
        base_url=f"https://{graph}",
        proxy=proxy.url,
        verify=ssl.create_default_context(cafile=emulator.ca_file),
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        assert client.get(SECRETS).status_code == 200
        page = client.get("/v1.0/applicationTemplates", params={"$top": 1}).json()
    assert page["@odata.nextLink"].startswith(f"https://{graph}/")
    assert set(proxy.asked) == {f"{authority}:443", f"{graph}:443"}


def test_a_certificates_assertion_is_for_the_cloud_that_is_asked(
    everywhere: tuple[Emulator, ConnectProxy],
) -> None:
    emulator, proxy = everywhere
    certificate, client_id = Certificate(), str(uuid4())
    emulator.tenant.register_client(client_id, certificates=[certificate.pem])
    credential = CertificateCredential(
        DEFAULT_TENANT_ID,
        client_id,
        certificate_data=certificate.pem_with_key,
        authority="login.microsoftonline.us",
        connection_verify=emulator.ca_file,
        proxies={"https": proxy.url},
    )
    assert credential.get_token("https://graph.microsoft.us/.default").token


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ("https://login.microsoftonline.us/common/oauth2/authorize", 200),
        ("https://login.example/common/oauth2/authorize", 400),
        ("https://[", 400),
        ("", 400),
    ],
)
def test_instance_discovery_knows_the_hosts_that_are_answered_for(
    everywhere: tuple[Emulator, ConnectProxy], endpoint: str, status: int
) -> None:
    query = {"api-version": "1.1", "authorization_endpoint": endpoint}
    with anonymous(everywhere[0]) as client:
        answer = client.get("/common/discovery/instance", params=query)
    assert answer.status_code == status
    if status == 200:
        (known,) = answer.json()["metadata"]
        assert known["aliases"] == ["login.microsoftonline.us"]
    else:
        assert (answer.json()["error"], answer.json()["error_codes"]) == (
            "invalid_instance",
            [50049],
        )
