"""The access tokens that the authority issues."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from .claims import AccessTokenClaims
from .signing import key_set, new_key, sign, verified_claims

_TOKENS_CACHED = 1024


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    # One for the process, as Entra's tenants share theirs: generating a key takes longer than the
    # rest of the start-up.
    return new_key()


class AccessTokens:
    """Signs access tokens and verifies them. Any thread can use it.

    All emulators of a process share a key, each under an id of its own.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._key = _signing_key()
        self._key_id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._verified: OrderedDict[str, AccessTokenClaims] = OrderedDict()

    def keys(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set."""
        return key_set(self._key, self._key_id)

    def issue(self, claims: Mapping[str, Any], audience: str, lifetime: int) -> str:
        """A token with these claims, valid for `lifetime` seconds; expired if that is negative."""
        now = int(self._now())
        token_claims = {
            "aud": audience,
            "iat": min(now, now + lifetime),
            "nbf": min(now, now + lifetime),
            "exp": now + lifetime,
            "uti": uuid.uuid4().hex,
            "ver": "2.0",
            **claims,
        }
        token = sign(token_claims, self._key, self._key_id)
        self._cache(token, _access_token_claims(token_claims))
        return token

    def verify(self, token: str) -> AccessTokenClaims | None:
        """The claims of a token with the right signature, expired or not; None for any other."""
        # Verifying a signature costs as much as the rest of a request.
        with self._lock:
            cached = self._verified.get(token)
        if cached is not None:
            return cached
        try:
            claims = _access_token_claims(verified_claims(token, self._key, self._key_id))
        except jwt.InvalidTokenError:
            return None
        self._cache(token, claims)
        return claims

    def _cache(self, token: str, claims: AccessTokenClaims) -> None:
        with self._lock:
            self._verified[token] = claims
            if len(self._verified) > _TOKENS_CACHED:
                self._verified.popitem(last=False)


def _access_token_claims(claims: Mapping[str, Any]) -> AccessTokenClaims:
    return AccessTokenClaims(
        client_id=claims["appid"],
        object_id=claims["oid"],
        tenant_id=claims["tid"],
        audience=claims["aud"],
        expires=claims["exp"],
        roles=tuple(claims.get("roles", ())),
        scopes=tuple(claims.get("scp", "").split()),
        directory_roles=tuple(claims.get("wids", ())),
    )
