"""The issuers whose tokens a client may trust in place of a secret, and the tokens that they issue.

The rules, without HTTP. The emulator calls nobody, so it plays the issuers itself:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from . import token_errors as refusals
from .default_tenant import DEFAULT_SERVICE_CONNECTION_ID, DEFAULT_SUBJECTS
from .state import TOKEN_EXCHANGE_AUDIENCE, Issuer

if TYPE_CHECKING:
    from jwt.types import Options

PATH = "/oidc"
TOKEN_LIFETIME = 300
"""Seconds that a token is valid, as GitHub's are."""

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
    """The issuers, below `url` (without a slash at its end).

    `request_token` is what a pipeline shows to GitHub Actions or to Azure DevOps to be given a
    token: ACTIONS_ID_TOKEN_REQUEST_TOKEN and SYSTEM_ACCESSTOKEN.
    """

    def __init__(self, url: str, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._urls = {name: f"{url}{PATH}/{name}" for name in DEFAULT_SUBJECTS}
        self._lock = threading.Lock()
        self._keys: dict[Issuer, rsa.RSAPrivateKey] = {}
        self.request_token = secrets.token_urlsafe(32)

    def url(self, issuer: str) -> str:
        """The `iss` of an issuer that is played here, or what was given if it is none."""
        return next((url for name, url in self._urls.items() if name == issuer), issuer)

    def named(self, name: str) -> Issuer | None:
        """The issuer of that name, if it is played here."""
        return next((issuer for issuer in DEFAULT_SUBJECTS if issuer == name), None)

    def openid_configuration(self, issuer: Issuer) -> dict[str, Any]:
        """The issuer's metadata, with which anyone can verify its tokens."""
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
        """A token of the issuer's, by default about contoso's workload and for Entra.

        It is valid for `lifetime` seconds, and has expired already if that is negative.
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
        return jwt.encode(claims, self._key(issuer), "RS256", headers={"kid": issuer})

    def service_connection_token(self, service_connection_id: str) -> str | None:
        """The token of Azure DevOps for a service connection, or None if there is none of that id.

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

    def verified(self, assertion: str, claims: Mapping[str, Any]) -> dict[str, Any] | None:
        """The claims of an assertion that one of these issuers signed.

        None if its `iss` is no issuer that is played here. Refuses as Entra does if the `iss` is
        one, and the signature is not the issuer's. Times and audience are not looked at.
        """
        issuer = next((name for name, url in self._urls.items() if url == claims.get("iss")), None)
        if issuer is None:
            return None
        if jwt.get_unverified_header(assertion).get("kid") != issuer:
            raise refusals.unknown_federated_key(self._urls[issuer])
        try:
            return jwt.decode(
                assertion,
                self._key(issuer).public_key(),
                algorithms=["RS256"],
                options=ONLY_SIGNATURE,
            )
        except jwt.InvalidTokenError:
            raise refusals.wrong_federated_signature() from None

    def _key(self, issuer: Issuer) -> rsa.RSAPrivateKey:
        # Made when it is first needed: making one takes longer than the rest of a start.
        with self._lock:
            if issuer not in self._keys:
                self._keys[issuer] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._keys[issuer]


def key_set(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    """The public part of a key that signs tokens, as a JSON Web Key Set."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [public | {"use": "sig", "alg": "RS256", "kid": key_id}]}


ONLY_SIGNATURE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Options for PyJWT: the other claims are compared by the caller, each has its own answer."""
