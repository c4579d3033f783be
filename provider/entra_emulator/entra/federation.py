"""The issuers whose tokens a client can trust in place of a secret, and their tokens.

The rules, without HTTP. The emulator calls no other service, so it stands in for the issuers:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from ..state.model import TOKEN_EXCHANGE_AUDIENCE, Issuer
from ..tenant.default_tenant import DEFAULT_SERVICE_CONNECTION_ID, DEFAULT_SUBJECTS
from . import errors
from .signing import key_set, new_key, sign, verified_claims

ISSUERS_PATH = "/oidc"
TOKEN_LIFETIME = 300
"""Seconds for which a token is valid, like GitHub's."""

# https://docs.github.com/actions/reference/security/oidc#oidc-token-claims
_GITHUB_CLAIMS = {
    "repository": "contoso/provisioning",
    "repository_owner": "contoso",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "workflow": "provision",
    "event_name": "push",
    "actor": "contoso-bot",
    "run_id": "1",
    "run_attempt": "1",
    "runner_environment": "github-hosted",
}


class Federation:
    """The issuers, below `url` (without a trailing slash).

    A pipeline sends `request_token` to GitHub Actions or to Azure DevOps for a token: it is the
    value of ACTIONS_ID_TOKEN_REQUEST_TOKEN and of SYSTEM_ACCESSTOKEN.
    """

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._urls = {name: f"{url}{ISSUERS_PATH}/{name}" for name in DEFAULT_SUBJECTS}
        self._lock = threading.Lock()
        self._keys: dict[Issuer, rsa.RSAPrivateKey] = {}
        self.request_token = secrets.token_urlsafe(32)

    def url(self, issuer: str) -> str:
        """The `iss` claim of an issuer, by its name; other text is returned as it is."""
        return next((url for name, url in self._urls.items() if name == issuer), issuer)

    def find_issuer(self, name: str) -> Issuer | None:
        """The issuer of this name, if the emulator stands in for it."""
        return next((issuer for issuer in DEFAULT_SUBJECTS if issuer == name), None)

    def openid_configuration(self, issuer: Issuer) -> dict[str, Any]:
        """The issuer's metadata, for the verification of its tokens."""
        url = self._urls[issuer]
        return {
            "issuer": url,
            "jwks_uri": f"{url}/.well-known/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self, issuer: Issuer) -> dict[str, Any]:
        """The issuer's public key, as a JSON Web Key Set."""
        return key_set(self._key(issuer), issuer)

    def token(
        self,
        issuer: Issuer,
        subject: str | None = None,
        audience: str = TOKEN_EXCHANGE_AUDIENCE,
        *,
        lifetime: int = TOKEN_LIFETIME,
    ) -> str:
        """A token of this issuer, by default about Contoso's workload and for Entra.

        It is valid for `lifetime` seconds; it has expired if that is negative.
        """
        now = int(self._now())
        begin = min(now, now + lifetime)
        claims = {
            "iss": self._urls[issuer],
            "sub": subject or DEFAULT_SUBJECTS[issuer],
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "iat": begin,
            "nbf": begin,
            "exp": now + lifetime,
        }
        if issuer == "github-actions" and claims["sub"] == DEFAULT_SUBJECTS[issuer]:
            claims |= _GITHUB_CLAIMS
        return sign(claims, self._key(issuer), issuer)

    def service_connection_token(self, service_connection_id: str) -> str | None:
        """The token of Azure DevOps for a service connection; None if the id is unknown.

        https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
        """
        if service_connection_id.lower() != DEFAULT_SERVICE_CONNECTION_ID:
            return None
        return self.token("azure-devops")

    def accepts(self, authorization: str | None) -> bool:
        """Whether this Authorization header carries `request_token`."""
        scheme, _, token = (authorization or "").partition(" ")
        sent = token.strip().encode("utf-8", "surrogatepass")
        return scheme.lower() == "bearer" and secrets.compare_digest(
            sent, self.request_token.encode()
        )

    def verified_claims(
        self, assertion: str, unverified: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The claims of an assertion that one of these issuers has signed.

        None if its `iss` is another issuer; TokenError if the signature is not that of its `iss`.
        The caller checks the other claims.
        """
        issuer = next(
            (name for name, url in self._urls.items() if url == unverified.get("iss")), None
        )
        if issuer is None:
            return None
        if jwt.get_unverified_header(assertion).get("kid") != issuer:
            raise errors.unknown_federated_key(self._urls[issuer])
        try:
            return verified_claims(assertion, self._key(issuer), issuer)
        except jwt.InvalidTokenError:
            raise errors.wrong_federated_signature() from None

    def _key(self, issuer: Issuer) -> rsa.RSAPrivateKey:
        # On first use: generating a key takes longer than the rest of the start-up.
        with self._lock:
            if issuer not in self._keys:
                self._keys[issuer] = new_key()
            return self._keys[issuer]
