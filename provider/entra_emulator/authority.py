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
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from . import token_errors as refusals
from .assumptions import Assumptions
from .federation import ONLY_SIGNATURE, Federation, key_set
from .graph_errors import GraphError
from .permissions import PERSONAL_TENANT_ID, Caller
from .state import Client
from .tenant import Tenant

GRAPH_RESOURCES = (
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)
"""Graph in the national clouds: https://learn.microsoft.com/graph/deployments"""

AZURE_CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The application that the Azure CLI signs people in with."""

DEFAULT_USER_ID = "00000000-0000-4000-8000-00000000e25e"
"""The object id of the person whom `Authority.issue_for_user` signs in."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKENS_REMEMBERED = 1024

# The MSAL of Go and that of Java add these to every request.
_OPENID_SCOPES = frozenset({"openid", "profile", "offline_access"})


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    # One for the process, as Entra's tenants share theirs: making a key takes longer than a start.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Authority:
    """The token endpoint of one tenant, at `url` (without a slash at its end).

    `aliases` are further URLs, and `hosts` further names, that it answers under; what it tells of
    itself is about the one that was asked, `at`. `federation` plays the issuers whose assertions
    clients may trust.
    """

    def __init__(
        self,
        tenant: Tenant,
        url: str,
        *,
        federation: Federation,
        aliases: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
        assumptions: Assumptions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenant = tenant
        self._assumptions = assumptions or Assumptions()
        self._now = now
        self.url = url
        self.resources = frozenset((url, *aliases, *GRAPH_RESOURCES))
        self._federation = federation
        self._urls = frozenset((url, *aliases, *(f"https://{host}" for host in hosts)))
        self._key = _signing_key()
        self._key_id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._claims: OrderedDict[str, dict[str, Any]] = OrderedDict()

    # Metadata

    def at(self, host: str | None) -> str:
        """Its URL for who sends this Host header."""
        url = f"https://{host}"
        return url if url in self._urls else self.url

    def instance(self, authorization_endpoint: str) -> dict[str, Any]:
        """Whether the URL is on a host of Entra's, as MSAL asks before it trusts one.

        https://learn.microsoft.com/entra/msal/dotnet/acquiring-tokens/instance-discovery
        """
        url = next((u for u in self._urls if authorization_endpoint.startswith(f"{u}/")), None)
        if url is None:
            raise refusals.unknown_instance()
        host = url.removeprefix("https://")
        return {
            "tenant_discovery_endpoint": (
                f"{url}/{self._tenant.tenant_id}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }

    def openid_configuration(self, tenant_id: str, url: str) -> dict[str, Any]:
        """The metadata document at `url`, as far as clients without a user need it."""
        if not self._is_this_tenant(tenant_id):
            raise refusals.unknown_tenant(tenant_id, "invalid_tenant")
        base = f"{url}/{self._tenant.tenant_id}"
        return {
            "issuer": self._issuer(url),
            "token_endpoint": self._token_endpoint(url),
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
        return key_set(self._key, self._key_id)

    # The token endpoint

    def token(self, tenant_id: str, form: Mapping[str, str] | None, url: str) -> dict[str, Any]:
        """Answers a token request at `url`; `form` is None where the body was no form."""
        if not self._is_this_tenant(tenant_id):
            raise refusals.unknown_tenant(tenant_id, "invalid_request")
        if form is None:
            raise refusals.malformed_request()
        grant = _needed(form, "grant_type")
        if grant != "client_credentials":
            raise refusals.unsupported_grant(grant)
        client = self._client(_needed(form, "client_id"))
        resource = self.resource(_needed(form, "scope"))
        self._authenticate(client, form, url)
        lifetime = self._assumptions.token_lifetime
        return {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self.issue(client, resource, lifetime=lifetime, url=url),
        }

    def issue(
        self,
        client: Client,
        audience: str,
        *,
        lifetime: int,
        url: str | None = None,
        resource_id: str | None = None,
    ) -> str:
        """An access token, valid for `lifetime` seconds; already expired if that is negative.

        `url` is the authority's that issues it, by default this one's own. `resource_id` is the
        Azure resource that a managed identity belongs to.
        """
        claims = {
            "iss": self._issuer(url or self.url),
            "appid": client.client_id,
            "azp": client.client_id,
            "idtyp": "app",
            "oid": client.object_id,
            "sub": client.object_id,
            "tid": self._tenant.tenant_id,
            "roles": list(client.roles),
        }
        if resource_id is not None:
            claims["xms_mirid"] = resource_id
        return self._signed(claims, audience, lifetime)

    def issue_for_user(
        self,
        scopes: Iterable[str],
        directory_roles: Iterable[str] = (),
        *,
        audience: str | None = None,
        tenant_id: str | None = None,
        lifetime: int = 3599,
    ) -> str:
        """An access token of the Azure CLI for a person who is signed in there.

        `scopes` are delegated permissions such as Synchronization.ReadWrite.All, `directory_roles`
        ids of role templates such as those of `DirectoryRole`. Unless they are given, `audience` is
        this Graph and `tenant_id` this tenant; `PERSONAL_TENANT_ID` makes it a personal account,
        which Graph refuses. Already expired if `lifetime` is negative.

        https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        """
        home = tenant_id or self._tenant.tenant_id
        claims = {
            "iss": f"{self.url}/{home}/v2.0",
            "appid": AZURE_CLI_CLIENT_ID,
            "azp": AZURE_CLI_CLIENT_ID,
            "idtyp": "user",
            "name": "Contoso Administrator",
            "oid": DEFAULT_USER_ID,
            "sub": DEFAULT_USER_ID,
            "tid": home,
            "upn": "administrator@contoso.example",
            "scp": " ".join(scopes),
            "wids": list(directory_roles),
        }
        return self._signed(claims, audience or self.url, lifetime)

    def _signed(self, about: Mapping[str, Any], audience: str, lifetime: int) -> str:
        now = int(self._now())
        claims = {
            "aud": audience,
            "iat": min(now, now + lifetime),
            "nbf": min(now, now + lifetime),
            "exp": now + lifetime,
            "uti": uuid.uuid4().hex,
            "ver": "2.0",
            **about,
        }
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})
        self._remember(token, claims)
        return token

    def _issuer(self, url: str) -> str:
        return f"{url}/{self._tenant.tenant_id}/v2.0"

    def _token_endpoint(self, url: str) -> str:
        return f"{url}/{self._tenant.tenant_id}/oauth2/v2.0/token"

    def _is_this_tenant(self, tenant_id: str) -> bool:
        return tenant_id.lower() == self._tenant.tenant_id

    def _client(self, client_id: str) -> Client:
        client = self._tenant.client(client_id)
        if client is None:
            raise refusals.unknown_client(client_id, self._tenant.tenant_id)
        return client

    def resource(self, scope: str) -> str:
        """The resource of a scope `<resource>/.default`; refuses one that there is not."""
        named = [name for name in scope.split() if name not in _OPENID_SCOPES]
        resource, suffix, rest = " ".join(named).partition("/.default")
        if not suffix or rest:
            raise refusals.invalid_scope()
        # Real clients send both https://graph.microsoft.com/.default and …com//.default.
        if resource.rstrip("/") not in self.resources:
            raise refusals.unknown_resource(self._tenant.tenant_id)
        return resource.rstrip("/")

    def _authenticate(self, client: Client, form: Mapping[str, str], url: str) -> None:
        is_assertion = form.get("client_assertion_type") == ASSERTION_TYPE
        if is_assertion and form.get("client_assertion"):
            self._check_assertion(client, form["client_assertion"], url)
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

    def _check_assertion(self, client: Client, assertion: str, url: str) -> None:
        try:
            unverified = jwt.decode_complete(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise refusals.malformed_assertion() from None
        certificate = _certificate(client, unverified["header"])
        if certificate is not None:
            self._check_signed_by_client(client, _verified(assertion, certificate), url)
        elif unverified["payload"].get("iss") == client.client_id:
            raise refusals.unregistered_certificate("The key was not found.")
        else:
            self._check_federated(client, assertion, unverified["payload"])

    def _check_federated(
        self, client: Client, assertion: str, unverified: Mapping[str, Any]
    ) -> None:
        # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
        claims = self._federation.verified(assertion, unverified)
        trusted = [
            credential
            for credential in client.federated_credentials
            if self._federation.url(credential.issuer) == unverified.get("iss")
        ]
        if claims is None and trusted:
            raise refusals.unreachable_federated_issuer()
        if claims is None:
            # Not quoted: nobody has signed it, and a secret may stand anywhere.
            raise refusals.unknown_federated_issuer()
        if not trusted:
            raise refusals.unknown_federated_issuer(claims["iss"])
        if not _is_number(claims.get("exp")):
            raise refusals.malformed_assertion()
        if not self._is_in_time(claims):
            raise refusals.assertion_out_of_time()
        trusted = [one for one in trusted if one.subject == claims.get("sub")]
        if not trusted:
            raise refusals.wrong_federated_subject(str(claims.get("sub", "")))
        if not any(claims.get("aud") in one.audiences for one in trusted):
            raise refusals.wrong_federated_audience(str(claims.get("aud", "")))

    def _check_signed_by_client(self, client: Client, claims: Mapping[str, Any], url: str) -> None:
        # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        if not (_is_number(claims.get("exp")) and isinstance(claims.get("jti"), str)):
            raise refusals.malformed_assertion()
        if not self._is_in_time(claims):
            raise refusals.assertion_out_of_time()
        if claims.get("aud") not in (self._token_endpoint(url), self._issuer(url)):
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

        Refuses as Graph does, with 401 InvalidAuthenticationToken; a personal account with 400.
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
        if claims["tid"] == PERSONAL_TENANT_ID:
            message = "This API is not supported for MSA accounts."
            raise GraphError(400, "BadRequest", message)
        if claims["tid"] != self._tenant.tenant_id:
            raise self._unauthorized("Access token validation failure.")
        return Caller(
            claims["appid"],
            claims["oid"],
            roles=tuple(claims.get("roles", ())),
            scopes=tuple(claims.get("scp", "").split()),
            directory_roles=tuple(claims.get("wids", ())),
        )

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
            signed = jwt.decode_complete(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                # Whatever this key signed says rightly who issued it.
                options=ONLY_SIGNATURE,
            )
        except jwt.InvalidTokenError:
            raise self._unauthorized("Access token validation failure.") from None
        # Another emulator of this process has the same key, under an id of its own.
        if signed["header"].get("kid") != self._key_id:
            raise self._unauthorized("Access token validation failure.")
        claims: dict[str, Any] = signed["payload"]
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
        claims: dict[str, Any] = jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            options=ONLY_SIGNATURE,
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise refusals.unregistered_certificate(
            "The key used is not the one that the thumbprint names."
        ) from None
    except jwt.InvalidTokenError:
        raise refusals.malformed_assertion() from None
    return claims
