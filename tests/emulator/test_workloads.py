"""The environments of programs: with a secret, in a pipeline, in Kubernetes."""

from __future__ import annotations

from typing import Any, get_args

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzurePipelinesCredential,
    ClientAssertionCredential,
    WorkloadIdentityCredential,
)
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_CONNECTION_ID,
    DEFAULT_SUBJECTS,
    DEFAULT_TENANT_ID,
    Emulator,
)
from entra_emulator.state.model import Issuer
from entra_emulator.workloads import Workload, without_identity
from pulumi_entra_provisioning.identity.lookup import SETTINGS_FROM_ENVIRONMENT
from support.emulator_clients import (
    PLANTED,
    SECRETS,
    UNKNOWN_GUID,
    anonymous,
    authorized,
    claims_of,
    options,
    scope,
    with_assertion,
)


def test_the_environment_points_a_program_at_the_emulator(
    untouched: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert untouched.environment == {
        SETTINGS_FROM_ENVIRONMENT: "true",
        "ENTRA_PROVISIONING_GRAPH_ENDPOINT": untouched.url,
        "ENTRA_PROVISIONING_AUTHORITY_HOST": untouched.url,
        "ENTRA_PROVISIONING_CA_FILE": untouched.ca_file,
        "AZURE_TENANT_ID": DEFAULT_TENANT_ID,
        "AZURE_CLIENT_ID": DEFAULT_CLIENT_ID,
        "AZURE_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "NO_PROXY": "example.com,127.0.0.1,localhost",
        "no_proxy": "example.com,127.0.0.1,localhost",
    }


def test_a_github_actions_job_gets_a_token_without_a_secret(
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


def test_an_azure_pipelines_job_gets_a_token_with_azure_identity(
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
def test_a_wrong_request_token_gets_no_id_token(
    untouched: Emulator, workload: Workload, asked: str, sent: str | None
) -> None:
    headers = {"Authorization": sent} if sent else {}
    query = {"api-version": "7.1", "serviceConnectionId": DEFAULT_SERVICE_CONNECTION_ID}
    with anonymous(untouched) as client:
        answer = client.request(asked, f"/oidc/{workload}/token", params=query, headers=headers)
    assert answer.status_code == 401
    assert PLANTED not in answer.text


def test_an_unknown_service_connection_is_refused(untouched: Emulator, in_workload: Any) -> None:
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


def test_azure_devops_requires_a_known_api_version(untouched: Emulator) -> None:
    headers = {"Authorization": f"Bearer {untouched.federation.request_token}"}
    with anonymous(untouched, headers=headers) as client:
        answer = client.post("/oidc/azure-devops/token")
    assert answer.status_code == 400


def test_a_gitlab_job_gets_a_token_with_its_id_token(untouched: Emulator, in_workload: Any) -> None:
    assertion = in_workload("gitlab")["ARM_OIDC_TOKEN"]
    assert with_assertion(untouched, assertion).get_token(scope(untouched)).token


def test_a_kubernetes_pod_gets_a_token_with_its_token_file(
    untouched: Emulator, in_workload: Any
) -> None:
    environment = in_workload("kubernetes")
    credential = WorkloadIdentityCredential(
        disable_instance_discovery=True, connection_verify=untouched.ca_file
    )
    token = credential.get_token(scope(untouched)).token
    assert claims_of(token)["appid"] == environment["AZURE_CLIENT_ID"] == DEFAULT_CLIENT_ID


@pytest.mark.parametrize("issuer", DEFAULT_SUBJECTS)
def test_the_published_keys_verify_the_tokens_of_an_issuer(
    untouched: Emulator, issuer: Issuer
) -> None:
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


def test_an_unknown_issuer_has_no_metadata(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        assert client.get("/oidc/jenkins/.well-known/openid-configuration").status_code == 404


def test_the_error_about_an_unknown_workload_lists_the_workloads(
    untouched: Emulator,
) -> None:
    with pytest.raises(ValueError, match="github-actions, azure-devops, gitlab"):
        untouched.environment_in("jenkins")  # type: ignore[arg-type]


@pytest.mark.parametrize("workload", get_args(Workload))
def test_run_removes_the_variables_of_a_real_pipeline_or_machine(
    untouched: Emulator, workload: Workload
) -> None:
    environment = untouched.environment_in(workload)
    assert "AZURE_CLIENT_SECRET" not in environment
    # A pipeline may show its own token to more than the endpoint that is taken away.
    assert without_identity(environment).keys() <= {"NO_PROXY", "no_proxy", "SYSTEM_ACCESSTOKEN"}
