from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from cryptography.hazmat.primitives import hashes
from entra_emulator import (
    DEFAULT_CLIENT_ID,
    DEFAULT_TENANT_ID,
    ClientSecret,
    Emulator,
)
from support.emulator_clients import (
    PLANTED,
    SECRETS,
    TOKEN,
    UNKNOWN_GUID,
    Certificate,
    anonymous,
    authorized,
    certificate_credential,
    scope,
    secret_credential,
    token_form,
)


def test_azure_identity_gets_a_token_for_a_client_secret(untouched: Emulator) -> None:
    token = secret_credential(untouched).get_token(scope(untouched)).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == untouched.url
    assert claims["tid"] == DEFAULT_TENANT_ID
    assert claims["appid"] == claims["azp"] == DEFAULT_CLIENT_ID
    assert claims["idtyp"] == "app"
    assert claims["exp"] - claims["iat"] == 3599
    assert "Application.ReadWrite.All" in claims["roles"]
    assert UUID(claims["oid"])


def test_azure_identity_gets_a_token_for_a_certificate(emulator: Emulator) -> None:
    certificate = Certificate()
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, certificates=[certificate.pem], roles=["Any.Role"])
    token = (
        certificate_credential(emulator, client_id, certificate).get_token(scope(emulator)).token
    )
    assert jwt.decode(token, options={"verify_signature": False})["roles"] == ["Any.Role"]


def test_the_certificate_of_another_client_is_refused(emulator: Emulator) -> None:
    client_id = str(uuid4())
    emulator.tenant.register_client(client_id, certificates=[Certificate().pem])
    stranger = certificate_credential(emulator, client_id, Certificate())
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        stranger.get_token(scope(emulator))


def test_azure_identity_reports_a_wrong_secret(untouched: Emulator) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215: Invalid client secret"):
        secret_credential(untouched, "wrong").get_token(scope(untouched))


@pytest.mark.parametrize(
    "resource",
    [
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    ],
)
def test_a_token_for_graph_of_any_cloud_is_accepted(untouched: Emulator, resource: str) -> None:
    token = secret_credential(untouched).get_token(f"{resource}/.default").token
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == resource
    assert authorized(untouched, token).get(SECRETS).status_code == 200


@pytest.mark.parametrize(
    "form", ["openid profile offline_access {}", "{} openid offline_access profile"]
)
def test_the_extra_scopes_of_other_msals_are_ignored(emulator: Emulator, form: str) -> None:
    asked = form.format(scope(emulator))
    with anonymous(emulator) as client:
        answer = client.post(TOKEN, data=token_form(emulator, scope=asked))
    assert authorized(emulator, answer.json()["access_token"]).get(SECRETS).status_code == 200
    assert emulator.journal.select("POST", TOKEN)[-1].body["scope"] == asked


def test_tokens_are_signed_with_the_published_key(untouched: Emulator) -> None:
    token = secret_credential(untouched).get_token(scope(untouched)).token
    with anonymous(untouched) as client:
        metadata = client.get(f"/{DEFAULT_TENANT_ID}/v2.0/.well-known/openid-configuration").json()
        keys = jwt.PyJWKSet.from_dict(client.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key, algorithms=["RS256"], audience=untouched.url, issuer=metadata["issuer"]
    )
    assert claims["appid"] == DEFAULT_CLIENT_ID


def test_the_token_endpoint_answers_like_entra(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        answer = client.post(TOKEN, data=token_form(untouched))
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("no-store")
    assert {k: v for k, v in answer.json().items() if k != "access_token"} == {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
    }


@pytest.mark.parametrize(
    ("changed", "status", "name", "number"),
    [
        ({"client_secret": PLANTED}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": UNKNOWN_GUID}, 400, "unauthorized_client", 700016),
        ({"client_id": PLANTED}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"scope": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": PLANTED}, 400, "unsupported_grant_type", 70003),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 70011),
        ({"scope": PLANTED}, 400, "invalid_scope", 70011),
        ({"scope": "openid profile"}, 400, "invalid_scope", 70011),
        ({"scope": "https://a.example/.default https://b.example"}, 400, "invalid_scope", 70011),
        ({"scope": "https://vault.azure.net/.default"}, 400, "invalid_resource", 500011),
    ],
)
def test_the_token_endpoint_refuses_like_entra_and_quotes_no_secret(
    untouched: Emulator, changed: dict[str, str | None], status: int, name: str, number: int
) -> None:
    correlation = str(uuid4())
    with anonymous(untouched, headers={"client-request-id": correlation}) as client:
        answer = client.post(TOKEN, data=token_form(untouched, **changed))
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, name, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert f" Trace ID: {body['trace_id']}" in body["error_description"]
    assert f" Correlation ID: {correlation}" in body["error_description"]
    assert f" Timestamp: {body['timestamp']}" in body["error_description"]
    assert body["correlation_id"] == correlation
    assert body["error_uri"] == f"{untouched.url}/error?code={number}"
    assert PLANTED not in answer.text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"grant_type", "application/x-www-form-urlencoded"),
        (b"scope=a&scope=b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=\xff", "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_not_a_form_is_a_malformed_token_request(
    untouched: Emulator, body: bytes, content_type: str
) -> None:
    with anonymous(untouched) as client:
        answer = client.post(TOKEN, content=body, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [9002313])


def test_another_tenant_is_not_found(untouched: Emulator) -> None:
    with anonymous(untouched) as client:
        token = client.post(f"/{UNKNOWN_GUID}/oauth2/v2.0/token", data=token_form(untouched))
        metadata = client.get(f"/{UNKNOWN_GUID}/v2.0/.well-known/openid-configuration")
        keys = client.get(f"/{PLANTED}/discovery/v2.0/keys")
    assert (token.status_code, token.json()["error"]) == (400, "invalid_request")
    assert (metadata.status_code, metadata.json()["error"]) == (400, "invalid_tenant")
    assert keys.status_code == 400
    for answer in (token, metadata, keys):
        assert answer.json()["error_codes"] == [90002]
    assert UNKNOWN_GUID in token.json()["error_description"]
    assert PLANTED not in keys.text


def test_an_expired_secret_and_a_wrong_one_have_different_errors(emulator: Emulator) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    client_id = str(uuid4())
    emulator.tenant.register_client(
        client_id,
        secrets=[ClientSecret.of("old", yesterday), ClientSecret.of("new", tomorrow)],
    )
    with anonymous(emulator) as client:
        old, new, wrong = (
            client.post(TOKEN, data=token_form(emulator, client_id=client_id, client_secret=secret))
            for secret in ("old", "new", "wrong")
        )
    assert (old.status_code, old.json()["error_codes"]) == (401, [7000222])
    assert new.status_code == 200
    assert (wrong.status_code, wrong.json()["error_codes"]) == (401, [7000215])


@pytest.fixture(scope="module")
def certified(untouched: Emulator) -> tuple[str, Certificate]:
    client_id, certificate = str(uuid4()), Certificate()
    untouched.tenant.register_client(client_id, certificates=[certificate.pem])
    return client_id, certificate


def assert_as(
    emulator: Emulator,
    client_id: str,
    certificate: Certificate,
    *,
    header: dict[str, Any] | None = None,
    algorithm: str = "PS256",
    **changed: Any,
) -> httpx.Response:
    """The answer to a valid assertion with changed claims."""
    thumbprint = urlsafe_b64encode(certificate.certificate.fingerprint(hashes.SHA256())).decode()
    now = int(time.time())
    claims = {
        "aud": f"{emulator.url}{TOKEN}",
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid4()),
        "nbf": now,
        "exp": now + 300,
        **changed,
    }
    assertion = jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        certificate.key,
        algorithm,
        headers={"x5t#S256": thumbprint} if header is None else header,
    )
    return send_assertion(emulator, client_id, assertion)


def send_assertion(emulator: Emulator, client_id: str, assertion: str) -> httpx.Response:
    data = token_form(
        emulator,
        client_id=client_id,
        client_secret=None,
        client_assertion=assertion,
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    )
    with anonymous(emulator) as client:
        return client.post(TOKEN, data=data)


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
@pytest.mark.parametrize("name", ["x5t", "x5t#S256"])
def test_an_assertion_can_name_its_certificate_by_either_thumbprint(
    untouched: Emulator, certified: tuple[str, Certificate], algorithm: str, name: str
) -> None:
    digest = hashes.SHA1() if name == "x5t" else hashes.SHA256()
    raw = certified[1].certificate.fingerprint(digest)
    header = {name: urlsafe_b64encode(raw).decode().rstrip("=")}
    answer = assert_as(untouched, *certified, header=header, algorithm=algorithm)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"exp": 1_000_000_000}, 700024),
        ({"nbf": 9_000_000_000}, 700024),
        ({"aud": "https://login.microsoftonline.com/common"}, 700023),
        ({"iss": UNKNOWN_GUID}, 700021),
        ({"sub": UNKNOWN_GUID}, 700021),
        ({"exp": None}, 50027),
        ({"exp": "soon"}, 50027),
        ({"jti": None}, 50027),
        ({"header": {}}, 700027),
        ({"header": {"x5t": "AAAA"}}, 700027),
        ({"algorithm": "RS512"}, 700027),
    ],
)
def test_an_invalid_assertion_is_refused_with_the_code_of_entra(
    untouched: Emulator,
    certified: tuple[str, Certificate],
    changed: dict[str, Any],
    number: int,
) -> None:
    answer = assert_as(untouched, *certified, **changed)
    assert answer.json()["error_codes"] == [number]
    assert answer.status_code == (400 if number == 50027 else 401)


def test_an_assertion_that_another_key_signed_is_refused(
    untouched: Emulator, certified: tuple[str, Certificate]
) -> None:
    client_id, certificate = certified
    forger = Certificate()
    forger.certificate = certificate.certificate
    assert assert_as(untouched, client_id, forger).json()["error_codes"] == [700027]


@pytest.mark.parametrize("assertion", ["x", "a.b.c", f"{PLANTED}.{PLANTED}.{PLANTED}"])
def test_an_assertion_that_is_not_a_token_is_refused(
    untouched: Emulator, certified: tuple[str, Certificate], assertion: str
) -> None:
    answer = send_assertion(untouched, certified[0], assertion)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [50027])
    assert PLANTED not in answer.text
