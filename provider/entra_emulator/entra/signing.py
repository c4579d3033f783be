"""Keys that sign tokens, and what is common to the JSON Web Tokens of all issuers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from jwt.types import Options

SIGNATURE_ONLY: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Options for PyJWT. The callers check the other claims: each has an error of its own."""


def new_key() -> rsa.RSAPrivateKey:
    """A key for RS256."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign(claims: Mapping[str, Any], key: rsa.RSAPrivateKey, key_id: str) -> str:
    """A JSON Web Token with these claims."""
    return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": key_id})


def verified_claims(token: str, key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    """The claims of a token that this key has signed under this id.

    jwt.InvalidTokenError for any other token.
    """
    verified = jwt.decode_complete(
        token, key.public_key(), algorithms=["RS256"], options=SIGNATURE_ONLY
    )
    if verified["header"].get("kid") != key_id:
        raise jwt.InvalidTokenError("another key id")
    claims: dict[str, Any] = verified["payload"]
    return claims


def key_set(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    """The public part of the key, as a JSON Web Key Set."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {"keys": [public | {"use": "sig", "alg": "RS256", "kid": key_id}]}
