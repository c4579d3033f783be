"""The third party exchanges and refuses codes, and Graph reports it."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from entra_emulator import (
    DEFAULT_APPLICATION_ID,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    Assumptions,
    Emulator,
)
from entra_emulator.tenant.gallery import OAUTH_TEMPLATE_ID
from entra_emulator.tenant.tenant import Tenant
from entra_emulator.third_party.authorization_server import (
    DEFAULT_REDIRECT_URI,
    DEFAULT_THIRD_PARTY_CLIENT_ID,
    DEFAULT_THIRD_PARTY_CLIENT_SECRET,
    ThirdParty,
    ThirdPartyError,
)
from support.emulator_clients import ACQUIRE, JOBS, SECRETS, anonymous, authorized, error, nested

PATH = "/third-party/fabrikam"
CODE_REFUSED = (400, "UnknownError", "Oauth2AuthorizationCodeInvalid")
CLIENT_REFUSED = (400, "UnknownError", "Oauth2ClientCredentialsInvalid")


@pytest.fixture
def party(emulator: Emulator) -> ThirdParty:
    return emulator.tenant.third_party


def form(**changed: str | None) -> dict[str, str]:
    """A valid token request with changed fields. None leaves a field out."""
    fields: dict[str, str | None] = {
        "client_id": DEFAULT_THIRD_PARTY_CLIENT_ID,
        "client_secret": DEFAULT_THIRD_PARTY_CLIENT_SECRET,
        "redirect_uri": DEFAULT_REDIRECT_URI,
        "grant_type": "authorization_code",
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def credentials(emulator: Emulator, **changed: str | None) -> dict[str, Any]:
    """A valid body of acquireAccessToken for the third party, with changed fields."""
    values: dict[str, str | None] = {
        "Oauth2ClientId": DEFAULT_THIRD_PARTY_CLIENT_ID,
        "Oauth2ClientSecret": DEFAULT_THIRD_PARTY_CLIENT_SECRET,
        "Oauth2RedirectUri": DEFAULT_REDIRECT_URI,
        "Oauth2TokenExchangeUri": emulator.tenant.third_party.token_url,
        **changed,
    }
    pairs = [{"key": key, "value": value} for key, value in values.items() if value is not None]
    return {"credentials": pairs}


def kept(emulator: Emulator) -> dict[str, str]:
    return emulator.tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)


# Over HTTP, as any OAuth client sees it


def test_the_browser_returns_with_a_code_that_works_once(
    emulator: Emulator,
) -> None:
    query = {
        "response_type": "code",
        "client_id": DEFAULT_THIRD_PARTY_CLIENT_ID,
        "redirect_uri": DEFAULT_REDIRECT_URI,
        "state": "s",
    }
    with anonymous(emulator) as client:
        sent = client.get(f"{PATH}/authorize", params=query)
        assert sent.status_code == 302
        answered = parse_qs(urlsplit(sent.headers["location"]).query)
        assert answered["state"] == ["s"]
        asked = form(code=answered["code"][0])
        answer = client.post(f"{PATH}/token", data=asked)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
        again = client.post(f"{PATH}/token", data=asked)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    party = emulator.tenant.third_party
    # RFC 6749, 4.1.2: a code that is sent twice may be stolen.
    assert not party.accepts(tokens["access_token"])


def test_a_client_can_authenticate_in_a_header(emulator: Emulator, party: ThirdParty) -> None:
    party.register_client("a client", "a:secret", ["https://a.example"])
    code = party.issue_code("a client", "https://a.example")
    asked = form(code=code, redirect_uri="https://a.example", client_id=None, client_secret=None)
    with anonymous(emulator) as client:
        wrong = client.post(f"{PATH}/token", data=asked, auth=("a client", "a%3Awrong"))
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        assert wrong.headers["www-authenticate"].startswith("Basic ")
        right = client.post(f"{PATH}/token", data=asked, auth=("a+client", "a%3Asecret"))
        assert right.status_code == 200


def test_refresh_token_and_client_credentials_grants_obtain_tokens(
    emulator: Emulator, party: ThirdParty
) -> None:
    with anonymous(emulator) as client:
        first = client.post(f"{PATH}/token", data=form(code=party.issue_code())).json()
        refresh = form(grant_type="refresh_token", refresh_token=first["refresh_token"])
        renewed = client.post(f"{PATH}/token", data=refresh).json()
        alone = client.post(f"{PATH}/token", data=form(grant_type="client_credentials")).json()
        tokens = {answer["access_token"] for answer in (first, renewed, alone)}
        assert len(tokens) == 3
        assert all(map(party.accepts, tokens))
        assert "refresh_token" not in alone
        party.revoke(first["refresh_token"])
        refused = client.post(f"{PATH}/token", data=refresh)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changed", "status", "reported"),
    [
        ({"code": "unknown"}, 400, "invalid_grant"),
        ({"redirect_uri": "https://elsewhere.example"}, 400, "invalid_grant"),
        ({"redirect_uri": None}, 400, "invalid_grant"),
        ({"code": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, 400, "invalid_grant"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
    ],
)
def test_an_invalid_token_request_is_refused_and_quotes_nothing(
    emulator: Emulator,
    party: ThirdParty,
    changed: dict[str, str | None],
    status: int,
    reported: str,
) -> None:
    code = party.issue_code()
    with anonymous(emulator) as client:
        answer = client.post(f"{PATH}/token", data=form(**{"code": code, **changed}))
        assert (answer.status_code, answer.json()["error"]) == (status, reported)
        for sent in (code, DEFAULT_THIRD_PARTY_CLIENT_SECRET, "unknown", "elsewhere"):
            assert sent not in answer.json()["error_description"].replace("not known", "")
        # Nothing was spent by it.
        assert client.post(f"{PATH}/token", data=form(code=code)).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{}", b"a=1&a=2", b"\xff"])
def test_a_token_request_that_is_not_a_form_is_refused(emulator: Emulator, content: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    with anonymous(emulator) as client:
        answer = client.post(f"{PATH}/token", content=content, headers=kind)
        basic = {"authorization": "Basic \u0040\u0040"}
        other = client.post(f"{PATH}/token", data=form(), headers=basic)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changed",
    [
        {"response_type": "token"},
        {"client_id": "another"},
        {"redirect_uri": "https://elsewhere.example"},
    ],
)
def test_a_code_is_sent_only_to_a_registered_redirect_uri(
    emulator: Emulator, changed: dict[str, str]
) -> None:
    query = {
        "response_type": "code",
        "client_id": DEFAULT_THIRD_PARTY_CLIENT_ID,
        "redirect_uri": DEFAULT_REDIRECT_URI,
        **changed,
    }
    with anonymous(emulator) as client:
        answer = client.get(f"{PATH}/authorize", params=query)
    assert answer.status_code == 400
    assert "location" not in answer.headers


# Through acquireAccessToken


def test_the_tokens_of_an_exchanged_code_are_saved(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    body = credentials(emulator, Oauth2AuthorizationCode=party.issue_code())
    assert graph.post(ACQUIRE, json=body).status_code == 204
    secrets = kept(emulator)
    assert party.accepts(secrets["Oauth2AccessToken"])
    assert secrets["Oauth2RefreshToken"].startswith("refresh-")
    assert secrets["Oauth2AccessTokenCreationTime"].endswith("Z")
    assert "Oauth2AuthorizationCode" not in secrets
    shown = {pair["key"]: pair["value"] for pair in graph.get(SECRETS).json()["value"]}
    assert shown["Oauth2AccessToken"] == shown["Oauth2RefreshToken"] == "*"
    validated = graph.post(f"{JOBS}/validateCredentials", json={"useSavedCredentials": True})
    assert validated.status_code == 204
    assert nested(graph.post(ACQUIRE, json=body)) == CODE_REFUSED


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"Oauth2AuthorizationCode": "unknown"}, CODE_REFUSED),
        ({"Oauth2RedirectUri": "https://elsewhere.example"}, CODE_REFUSED),
        ({"Oauth2RedirectUri": None}, CODE_REFUSED),
        ({"Oauth2ClientId": "another"}, CLIENT_REFUSED),
        ({"Oauth2ClientSecret": "wrong"}, CLIENT_REFUSED),
        ({"Oauth2ClientSecret": None}, CLIENT_REFUSED),
    ],
)
def test_a_refusal_of_the_third_party_fails_the_call_and_saves_nothing(
    emulator: Emulator,
    graph: httpx.Client,
    party: ThirdParty,
    changed: dict[str, str | None],
    expected: tuple[int, str, str],
) -> None:
    code = party.issue_code()
    wrong = credentials(emulator, **{"Oauth2AuthorizationCode": code, **changed})
    refused = graph.post(ACQUIRE, json=wrong)
    assert nested(refused) == expected
    assert code not in refused.text
    assert kept(emulator) == {}
    right = credentials(emulator, Oauth2AuthorizationCode=code)
    assert graph.post(ACQUIRE, json=right).status_code == 204


def test_a_code_expires(emulator: Emulator, graph: httpx.Client, party: ThirdParty) -> None:
    body = credentials(emulator, Oauth2AuthorizationCode=party.issue_code(expires_in=0.2))
    time.sleep(0.25)
    refused = graph.post(ACQUIRE, json=body)
    assert nested(refused) == CODE_REFUSED
    assert "expired" in error(refused)[2]


def test_a_code_of_another_client_is_refused(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    party.register_client("another", "s", [DEFAULT_REDIRECT_URI])
    code = party.issue_code("another")
    body = credentials(emulator, Oauth2AuthorizationCode=code)
    assert nested(graph.post(ACQUIRE, json=body)) == CODE_REFUSED
    with pytest.raises(ThirdPartyError, match="not the client's"):
        party.issue_code(redirect_uri="https://elsewhere.example")


def test_another_url_of_the_emulator_is_not_a_token_endpoint(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    body = credentials(
        emulator,
        Oauth2AuthorizationCode=party.issue_code(),
        Oauth2TokenExchangeUri=f"{emulator.url}/elsewhere",
    )
    assert nested(graph.post(ACQUIRE, json=body))[2] == "Oauth2TokenEndpointUnavailable"


def test_an_oauth_template_names_its_token_endpoint(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    made = emulator.tenant.instantiate(OAUTH_TEMPLATE_ID, "Ours")
    for kind in ("application", "servicePrincipal"):
        path = f"/v1.0/{kind}s/{made[kind]['id']}/synchronization/acquireAccessToken"
        wrong = credentials(
            emulator, Oauth2TokenExchangeUri=None, Oauth2AuthorizationCode="unknown"
        )
        assert nested(graph.post(path, json=wrong)) == CODE_REFUSED
        right = credentials(
            emulator, Oauth2TokenExchangeUri=None, Oauth2AuthorizationCode=party.issue_code()
        )
        assert graph.post(path, json=right).status_code == 204


def test_client_credentials_and_a_refresh_token_are_exchanged(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    assert graph.post(ACQUIRE, json=credentials(emulator)).status_code == 204
    alone = kept(emulator)
    assert party.accepts(alone["Oauth2AccessToken"])
    assert "Oauth2RefreshToken" not in alone
    tokens = party.token(form(code=party.issue_code()))
    body = credentials(emulator, Oauth2RefreshToken=tokens["refresh_token"])
    assert graph.post(ACQUIRE, json=body).status_code == 204
    renewed = kept(emulator)
    assert party.accepts(renewed["Oauth2AccessToken"])
    assert renewed["Oauth2RefreshToken"] == tokens["refresh_token"]


@pytest.mark.parametrize("are_exchanged", [True, False])
def test_whether_a_client_without_a_code_gets_a_token_is_an_assumption(are_exchanged: bool) -> None:
    assumed = Assumptions(client_credentials_are_exchanged=are_exchanged)
    with Emulator(assumptions=assumed) as emulator, authorized(emulator) as graph:
        party = emulator.tenant.third_party
        body = credentials(emulator, BaseAddress=party.scim_url, Oauth2RedirectUri=None)
        assert graph.post(ACQUIRE, json=body).status_code == 204
        assert party.accepts(kept(emulator).get("Oauth2AccessToken", "")) == are_exchanged
        validated = graph.post(f"{JOBS}/validateCredentials", json={"useSavedCredentials": True})
        assert validated.is_success == are_exchanged
        # A code is exchanged either way.
        coded = credentials(emulator, Oauth2AuthorizationCode=party.issue_code())
        assert graph.post(ACQUIRE, json=coded).status_code == 204
        assert "Oauth2RefreshToken" in kept(emulator)


def test_no_third_party_returns_a_refresh_token_without_a_code(
    emulator: Emulator, graph: httpx.Client
) -> None:
    elsewhere = "https://login.contoso.example/token"
    body = credentials(emulator, Oauth2TokenExchangeUri=elsewhere, Oauth2RedirectUri=None)
    assert graph.post(ACQUIRE, json=body).status_code == 204
    secrets = kept(emulator)
    assert "Oauth2AccessToken" in secrets
    assert "Oauth2RefreshToken" not in secrets


@pytest.mark.parametrize("uses", [True, False])
def test_whether_saved_secrets_complete_the_exchange_is_an_assumption(uses: bool) -> None:
    with (
        Emulator(assumptions=Assumptions(exchange_uses_saved_secrets=uses)) as emulator,
        authorized(emulator) as graph,
    ):
        party = emulator.tenant.third_party
        saved = {pair["key"]: pair["value"] for pair in credentials(emulator)["credentials"]}
        emulator.tenant.put_secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID, saved)
        code = {"key": "Oauth2AuthorizationCode", "value": party.issue_code()}
        assert graph.post(ACQUIRE, json={"credentials": [code]}).status_code == 204
        assert party.accepts(kept(emulator)["Oauth2AccessToken"]) == uses


def test_whether_foreign_codes_are_accepted_is_an_assumption() -> None:
    with (
        Emulator(assumptions=Assumptions(foreign_codes_are_accepted=False)) as emulator,
        authorized(emulator) as graph,
    ):
        body = {"credentials": [{"key": "Oauth2AuthorizationCode", "value": "x"}]}
        assert nested(graph.post(ACQUIRE, json=body))[2] == "Oauth2TokenEndpointUnavailable"


# What becomes of the tokens


def authorize(tenant: Tenant, id: str = DEFAULT_SERVICE_PRINCIPAL_ID) -> str:
    """Authorize the service principal with a code and start its job. Return the job's id."""
    party = tenant.third_party
    tenant.acquire_access_token(
        "servicePrincipals",
        id,
        {
            "Oauth2ClientId": DEFAULT_THIRD_PARTY_CLIENT_ID,
            "Oauth2ClientSecret": DEFAULT_THIRD_PARTY_CLIENT_SECRET,
            "Oauth2RedirectUri": DEFAULT_REDIRECT_URI,
            "Oauth2TokenExchangeUri": party.token_url,
            "Oauth2AuthorizationCode": party.issue_code(),
        },
    )
    (job,) = tenant.jobs("servicePrincipals", id)
    tenant.start_job("servicePrincipals", id, job["id"])
    return str(job["id"])


def code_after_cycle(tenant: Tenant) -> str:
    (job,) = tenant.run_cycle(DEFAULT_SERVICE_PRINCIPAL_ID)
    return str(job["status"]["code"])


def test_an_expired_access_token_is_renewed() -> None:
    now = datetime.now(timezone.utc)
    tenant = Tenant(now=lambda: now)
    tenant.third_party.serve_at("https://localhost:1")
    authorize(tenant)
    before = tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert code_after_cycle(tenant) == "Active"
    unchanged = tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert unchanged == before
    now += timedelta(hours=2)
    tenant.validate_credentials("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID) == before
    assert code_after_cycle(tenant) == "Active"
    after = tenant.secrets("servicePrincipals", DEFAULT_SERVICE_PRINCIPAL_ID)
    assert after["Oauth2AccessToken"] != before["Oauth2AccessToken"]
    assert after["Oauth2RefreshToken"] == before["Oauth2RefreshToken"]
    assert tenant.third_party.accepts(after["Oauth2AccessToken"])


def test_a_revoked_authorization_quarantines_the_job_until_a_new_one(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    authorize(emulator.tenant)
    secrets = kept(emulator)
    party.revoke(secrets["Oauth2AccessToken"])
    party.revoke(secrets["Oauth2RefreshToken"])
    assert code_after_cycle(emulator.tenant) == "Quarantine"
    saved = {"useSavedCredentials": True}
    refused = graph.post(f"{JOBS}/validateCredentials", json=saved)
    assert nested(refused)[1] == "InvalidCredentials"
    body = credentials(emulator, Oauth2AuthorizationCode=party.issue_code())
    assert graph.post(ACQUIRE, json=body).status_code == 204
    assert code_after_cycle(emulator.tenant) == "Active"


def test_saved_client_credentials_alone_obtain_no_first_token(
    emulator: Emulator, graph: httpx.Client
) -> None:
    saved = credentials(emulator)["credentials"]
    graph.put(SECRETS, json={"value": saved})
    refused = graph.post(f"{JOBS}/validateCredentials", json={"useSavedCredentials": True})
    assert nested(refused)[1] == "InvalidCredentials"


def test_the_state_file_keeps_the_third_party_without_its_secrets(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator:
        party = emulator.tenant.third_party
        party.register_client("another", "an0ther-s3cret", ["https://a.example"])
        code, spent = party.issue_code("another", "https://a.example"), party.issue_code()
        token, revoked = party.issue_token(), party.issue_token()
        party.revoke(revoked)
        party.token(form(code=spent))
        text = file.read_text()
    for secret in ("an0ther-s3cret", code, spent, token, revoked):
        assert secret not in text
    with Emulator(state=file) as emulator:
        party = emulator.tenant.third_party
        assert party.accepts(token)
        assert not party.accepts(revoked)
        with pytest.raises(ThirdPartyError, match="has been used"):
            party.token(form(code=spent))
        mine = form(
            client_id="another",
            client_secret="an0ther-s3cret",
            redirect_uri="https://a.example",
            code=code,
        )
        assert party.accepts(party.token(mine)["access_token"])


def test_a_state_file_without_a_third_party_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    with Emulator(state=file) as emulator:
        emulator.tenant.put_secrets("applications", DEFAULT_APPLICATION_ID, {"UserName": "x"})
    document = json.loads(file.read_text())
    for name in ("thirdParty", "deleted"):
        del document[name]
    for item in (*document["applications"], *document["servicePrincipals"]):
        for name in ("owners", "template_id", "beta", "deleted"):
            del item[name]
    file.write_text(json.dumps(document))
    with Emulator(state=file) as emulator:
        kept = emulator.tenant.secrets("applications", DEFAULT_APPLICATION_ID)
        assert kept == {"UserName": "x"}
        assert emulator.tenant.third_party.issue_code().startswith("code-")


def test_the_journal_holds_no_secret_of_the_third_party(
    emulator: Emulator, graph: httpx.Client, party: ThirdParty
) -> None:
    code = party.issue_code()
    graph.post(ACQUIRE, json=credentials(emulator, Oauth2AuthorizationCode=code))
    with anonymous(emulator) as client:
        tokens = client.post(f"{PATH}/token", data=form(code=party.issue_code())).json()
    secrets = kept(emulator)
    for text in (
        code,
        DEFAULT_THIRD_PARTY_CLIENT_SECRET,
        secrets["Oauth2AccessToken"],
        tokens["access_token"],
    ):
        assert text not in repr(emulator.journal.calls)
