"""How a client proves its identity to the token endpoint: a secret, a certificate, federation.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/entra/identity-platform/certificate-credentials
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ..state.model import Client
from . import errors
from .federation import Federation
from .signing import SIGNATURE_ONLY

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_LEEWAY = 300
"""Seconds by which the clocks of a client and of Entra may differ."""


class ClientAuthentication:
    """Checks the credential in a token request. Every refusal is a `TokenError`."""

    def __init__(self, federation: Federation, now: Callable[[], float]) -> None:
        self._federation = federation
        self._now = now

    def check(self, client: Client, form: Mapping[str, str], audiences: Collection[str]) -> None:
        """TokenError unless the form proves that it comes from this client.

        `audiences` are those that an assertion signed by the client can have.
        """
        is_assertion = form.get("client_assertion_type") == ASSERTION_TYPE
        if is_assertion and form.get("client_assertion"):
            self._check_assertion(client, form["client_assertion"], audiences)
        elif form.get("client_secret"):
            self._check_secret(client, form["client_secret"])
        else:
            raise errors.no_credential()

    def _check_secret(self, client: Client, sent: str) -> None:
        secret = next((secret for secret in client.secrets if secret.is_for(sent)), None)
        if secret is None:
            raise errors.wrong_secret(client.client_id)
        if secret.expires is not None and secret.expires.timestamp() <= self._now():
            raise errors.expired_secret(client.client_id)

    def _check_assertion(self, client: Client, assertion: str, audiences: Collection[str]) -> None:
        try:
            unverified = jwt.decode_complete(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise errors.malformed_assertion() from None
        certificate = _certificate_of(client, unverified["header"])
        if certificate is not None:
            self._check_signed_by_client(client, _verified(assertion, certificate), audiences)
        elif unverified["payload"].get("iss") == client.client_id:
            raise errors.unregistered_certificate("The key was not found.")
        else:
            self._check_federated(client, assertion, unverified["payload"])

    def _check_federated(
        self, client: Client, assertion: str, unverified: Mapping[str, Any]
    ) -> None:
        claims = self._federation.verified_claims(assertion, unverified)
        trusted = [
            credential
            for credential in client.federated_credentials
            if self._federation.url(credential.issuer) == unverified.get("iss")
        ]
        if claims is None and trusted:
            raise errors.unreachable_federated_issuer()
        if claims is None:
            # The error does not quote the issuer: nobody signed it, so it may be a secret.
            raise errors.unknown_federated_issuer()
        if not trusted:
            raise errors.unknown_federated_issuer(claims["iss"])
        if not _is_number(claims.get("exp")):
            raise errors.malformed_assertion()
        if not self._is_in_time(claims):
            raise errors.assertion_out_of_time()
        trusted = [credential for credential in trusted if credential.subject == claims.get("sub")]
        if not trusted:
            raise errors.wrong_federated_subject(str(claims.get("sub", "")))
        if not any(claims.get("aud") in credential.audiences for credential in trusted):
            raise errors.wrong_federated_audience(str(claims.get("aud", "")))

    def _check_signed_by_client(
        self, client: Client, claims: Mapping[str, Any], audiences: Collection[str]
    ) -> None:
        if not (_is_number(claims.get("exp")) and isinstance(claims.get("jti"), str)):
            raise errors.malformed_assertion()
        if not self._is_in_time(claims):
            raise errors.assertion_out_of_time()
        if claims.get("aud") not in audiences:
            raise errors.wrong_assertion_audience()
        if not claims.get("iss") == claims.get("sub") == client.client_id:
            raise errors.wrong_assertion_client()

    def _is_in_time(self, claims: Mapping[str, Any]) -> bool:
        begin = claims.get("nbf", 0)
        return _is_number(begin) and begin - _LEEWAY <= self._now() < claims["exp"] + _LEEWAY


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _certificate_of(client: Client, header: Mapping[str, Any]) -> x509.Certificate | None:
    """The client's certificate with the thumbprint in the header, `x5t` or `x5t#S256`."""
    for pem in client.certificates:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        der = certificate.public_bytes(Encoding.DER)
        # SHA-1 identifies the certificate here and protects nothing.
        thumbprints = {
            "x5t": hashlib.sha1(der, usedforsecurity=False).digest(),
            "x5t#S256": hashlib.sha256(der).digest(),
        }
        # Some clients keep the padding that base64url omits.
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
        raise errors.malformed_assertion()
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion, key, algorithms=["RS256", "PS256"], options=SIGNATURE_ONLY
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise errors.unregistered_certificate(
            "The key used is not the one that the thumbprint names."
        ) from None
    except jwt.InvalidTokenError:
        raise errors.malformed_assertion() from None
    return claims
