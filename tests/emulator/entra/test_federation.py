"""Assertions of other issuers, in place of a secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    Emulator,
    FederatedIdentityCredential,
)
from entra_emulator.state.model import Issuer
from support.emulator_clients import (
    PLANTED,
    UNKNOWN_GUID,
    Certificate,
    anonymous,
    claims_of,
    scope,
    with_assertion,
)


def trusting(emulator: Emulator, *credentials: FederatedIdentityCredential) -> str:
    """A client without a secret that has these federated credentials."""
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, federated_credentials=credentials)
    return client_id


def test_a_client_trusts_only_its_issuer_subject_and_audience(
    untouched: Emulator,
) -> None:
    client_id = trusting(
        untouched, FederatedIdentityCredential("gitlab", "project_path:a/b", ("api://a", "api://b"))
    )
    for audience in ("api://a", "api://b"):
        assertion = untouched.federation.token("gitlab", "project_path:a/b", audience)
        assert with_assertion(untouched, assertion, client_id).get_token(scope(untouched)).token


def test_a_client_can_name_an_issuer_by_its_url(untouched: Emulator) -> None:
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
def test_an_untrusted_assertion_is_refused_with_the_message_of_entra(
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
    """An assertion with the claims of a GitLab job, signed with another key."""
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


def test_a_real_issuer_is_refused_and_its_keys_are_not_requested(
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


def test_a_state_file_keeps_federated_credentials(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with Emulator(state=state) as emulator:
        client_id = trusting(emulator, FederatedIdentityCredential("gitlab", "a", ("api://a",)))
    with Emulator(state=state) as emulator:
        assertion = emulator.federation.token("gitlab", "a", "api://a")
        assert with_assertion(emulator, assertion, client_id).get_token(scope(emulator)).token


def test_a_state_file_without_federated_credentials_is_read(tmp_path: Path) -> None:
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


def test_a_seed_can_give_a_client_federated_credentials() -> None:
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
        ({"issuer": "gitlab"}, "federatedCredentials[0]: subject is missing"),
        (
            {"issuer": "gitlab", "subject": "a", "audience": "b"},
            "unknown field 'audience' (did you mean audiences?)",
        ),
        ({"issuer": "gitlab", "subject": "a", "audiences": [1]}, "audiences must be a list of"),
    ],
)
def test_invalid_federated_credentials_in_a_seed_are_refused(
    trusted: dict[str, Any], problem: str
) -> None:
    seed = {"clients": [{"clientId": UNKNOWN_GUID, "federatedCredentials": [trusted]}]}
    with pytest.raises(ValueError, match=re.escape(problem)):
        Emulator(seed=seed)


def test_the_journal_holds_no_assertion_and_no_request_token(emulator: Emulator) -> None:
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
