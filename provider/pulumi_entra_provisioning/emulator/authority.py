"""Entra's token endpoint and the tokens that it issues: the rules, without HTTP.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from . import token_errors as refusals
from .assumptions import Assumptions
from .graph_errors import GraphError
from .permissions import Caller
from .state import Client
from .tenant import Tenant

GRAPH_RESOURCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
"""Graph in the national clouds: https://learn.microsoft.com/graph/deployments"""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKENS_REMEMBERED = 1024


class Authority:
    """The token endpoint of one tenant, at `url` (without a slash at its end)."""

    def __init__(
        self,
        tenant: Tenant,
        url: str,
        *,
        aliases: tuple[str, ...] = (),
        assumptions: Assumptions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._assumptions = assumptions or Assumptions()
        self._now = now
        self.url = url
        self.resources = frozenset((url, *aliases, *GRAPH_RESOURCES))
        self.issuer = f"{url}/{tenant.tenant_id}/v2.0"
        self.token_endpoint = f"{url}/{tenant.tenant_id}/oauth2/v2.0/token"
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._claims: OrderedDict[str, dict[str, Any]] = OrderedDict()

    # Metadata

    def openid_configuration(self, tenant_id: str) -> dict[str, Any]:
        """The metadata document, as far as clients without a user need it."""
        if not self._is_this_tenant(tenant_id):
            raise refusals.unknown_tenant(tenant_id, "invalid_tenant")
        base = f"{self.url}/{self._tenant.tenant_id}"
        return {
            "issuer": self.issuer,
            "token_endpoint": self.token_endpoint,
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "request_uri_parameter_supported": False,
        }

    def keys(self, tenant_id: str) -> dict[str, Any]:
        """The public key of the tokens, as a JSON Web Key Set."""
        if not self._is_this_tenant(tenant_id):
            raise refusals.unknown_tenant(tenant_id, "invalid_tenant")
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"use": "sig", "alg": "RS256", "kid": self._key_id}]}

    # The token endpoint

    def token(self, tenant_id: str, form: Mapping[str, str] | None) -> dict[str, Any]:
        """Answers a token request; `form` is None where the body was no form."""
        if not self._is_this_tenant(tenant_id):
            raise refusals.unknown_tenant(tenant_id, "invalid_request")
        if form is None:
            raise refusals.malformed_request()
        grant = _needed(form, "grant_type")
        if grant != "client_credentials":
            raise refusals.unsupported_grant(grant)
        client = self._client(_needed(form, "client_id"))
        resource = self._resource(_needed(form, "scope"))
        self._authenticate(client, form)
        lifetime = self._assumptions.token_lifetime
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self.issue(client, resource, lifetime=lifetime),
        }

    def issue(self, client: Client, audience: str, *, lifetime: int) -> str:
        """An access token, valid for `lifetime` seconds; already expired if that is negative."""
        now = int(self._now())
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": min(now, now + lifetime),
            "nbf": min(now, now + lifetime),
            "exp": now + lifetime,
            "appid": client.client_id,
            "azp": client.client_id,
            "idtyp": "app",
            "oid": client.object_id,
            "sub": client.object_id,
            "tid": self._tenant.tenant_id,
            "roles": list(client.roles),
            "uti": uuid.uuid4().hex,
            "ver": "2.0",
        }
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})
        self._remember(token, claims)
        return token

    def _is_this_tenant(self, tenant_id: str) -> bool:
        return tenant_id.lower() == self._tenant.tenant_id

    def _client(self, client_id: str) -> Client:
        client = self._tenant.client(client_id)
        if client is None:
            raise refusals.unknown_client(client_id, self._tenant.tenant_id)
        return client

    def _resource(self, scope: str) -> str:
        resource, suffix, rest = scope.partition("/.default")
        if not suffix or rest:
            raise refusals.invalid_scope()
        # Real clients send both https://graph.microsoft.com/.default and …com//.default.
        if resource.rstrip("/") not in self.resources:
            raise refusals.unknown_resource(self._tenant.tenant_id)
        return resource.rstrip("/")

    def _authenticate(self, client: Client, form: Mapping[str, str]) -> None:
        is_assertion = form.get("client_assertion_type") == ASSERTION_TYPE
        if is_assertion and form.get("client_assertion"):
            self._check_assertion(client, form["client_assertion"])
        elif form.get("client_secret"):
            self._check_secret(client, form["client_secret"])
        else:
            raise refusals.no_credential()

    def _check_secret(self, client: Client, sent: str) -> None:
        secret = next((secret for secret in client.secrets if secret.is_for(sent)), None)
        if secret is None:
            raise refusals.wrong_secret(client.client_id)
        if secret.expires is not None and secret.expires.timestamp() <= self._now():
            raise refusals.expired_secret(client.client_id)

    def _check_assertion(self, client: Client, assertion: str) -> None:
        # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.InvalidTokenError:
            raise refusals.malformed_assertion() from None
        certificate = _certificate(client, header)
        if certificate is None:
            raise refusals.unregistered_certificate("The key was not found.")
        claims = _verified(assertion, certificate)
        if not (_is_number(claims.get("exp")) and isinstance(claims.get("jti"), str)):
            raise refusals.malformed_assertion()
        if not self._is_in_time(claims):
            raise refusals.assertion_out_of_time()
        if claims.get("aud") not in (self.token_endpoint, self.issuer):
            raise refusals.wrong_assertion_audience()
        if not claims.get("iss") == claims.get("sub") == client.client_id:
            raise refusals.wrong_assertion_client()

    def _is_in_time(self, claims: Mapping[str, Any]) -> bool:
        leeway = 300
        begin = claims.get("nbf", 0)
        return _is_number(begin) and begin - leeway <= self._now() < claims["exp"] + leeway

    # Access tokens at Graph

    def caller(self, authorization: str | None) -> Caller:
        """Who sends this Authorization header.

        Refuses as Graph does, with 401 InvalidAuthenticationToken.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized("Access token is empty.")
        claims = self._verified_claims(token)
        if claims["exp"] <= self._now():
            raise self._unauthorized("Access token has expired or is not yet valid.")
        if claims["aud"] not in self.resources:
            raise self._unauthorized("Access token validation failure. Invalid audience.")
        return Caller(claims["appid"], claims["oid"], tuple(claims["roles"]))

    def _verified_claims(self, token: str) -> dict[str, Any]:
        # Verifying a signature costs as much as the rest of a request; a token that was issued here
        # needs it once at most.
        with self._lock:
            known = self._claims.get(token)
        if known is not None:
            return known
        if "." not in token:
            raise self._unauthorized("IDX14100: JWT is not well formed, there are no dots (.).")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"verify_exp": False, "verify_aud": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise self._unauthorized("Access token validation failure.") from None
        self._remember(token, claims)
        return claims

    def _remember(self, token: str, claims: dict[str, Any]) -> None:
        with self._lock:
            self._claims[token] = claims
            if len(self._claims) > _TOKENS_REMEMBERED:
                self._claims.popitem(last=False)

    def _unauthorized(self, message: str) -> GraphError:
        challenge = (
            f'Bearer realm="", authorization_uri="{self.url}/common/oauth2/authorize",'
            ' client_id="00000003-0000-0000-c000-000000000000"'
        )
        return GraphError(
            401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge}
        )


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise refusals.missing_parameter(name)
    return form[name]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _certificate(client: Client, header: Mapping[str, Any]) -> x509.Certificate | None:
    """The client's certificate that the header's thumbprint (`x5t` or `x5t#S256`) names."""
    for pem in client.certificates:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        der = certificate.public_bytes(Encoding.DER)
        # SHA-1 names the certificate here and protects nothing.
        thumbprints = {
            "x5t": hashlib.sha1(der, usedforsecurity=False).digest(),
            "x5t#S256": hashlib.sha256(der).digest(),
        }
        # Some clients keep the padding that base64url drops.
        if any(
            str(header.get(name, "")).rstrip("=") == _base64url(raw)
            for name, raw in thumbprints.items()
        ):
            return certificate
    return None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _verified(assertion: str, certificate: x509.Certificate) -> dict[str, Any]:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise refusals.malformed_assertion()
    try:
        # Times and audience are compared by the caller: each has an answer of its own.
        claims: dict[str, Any] = jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise refusals.unregistered_certificate(
            "The key used is not the one that the thumbprint names."
        ) from None
    except jwt.InvalidTokenError:
        raise refusals.malformed_assertion() from None
    return claims
