"""Keyed digests, which show that a secret changed without holding it. Each of them is a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from ..graph.secret_keys import SINGLE_USE

_REMEMBERED_CODES: Final = 10
"""How many used authorization codes the state remembers; a code expires within minutes."""


def credentials_digest(declared: Any, values: Any) -> str:
    """A digest of credentials as they are declared, and of the values that they refer to."""
    salt = secrets.token_hex(16)
    of_values, of_declared = keyed_digest(salt, values), keyed_digest(salt, declared)
    return ":".join(
        [salt, of_values] if of_values == of_declared else [salt, of_values, of_declared]
    )


def with_code(used_codes: str | None, values: Mapping[str, str]) -> str | None:
    """`used_codes` with the authorization code among `values`, if there is one."""
    if (code := values.get(SINGLE_USE)) is None:
        return used_codes
    salt, *known = (used_codes or secrets.token_hex(16)).split(":")
    return ":".join([salt, *known[1 - _REMEMBERED_CODES :], keyed_digest(salt, code)])


def is_used(code: str, used_codes: str | None) -> bool:
    """Whether `used_codes` remembers the authorization code."""
    salt, *known = (used_codes or "").split(":")
    return keyed_digest(salt, code) in known


def keyed_digest(salt: str, value: Any) -> str:
    """The HMAC of a JSON value, in hexadecimal digits."""
    return hmac.new(salt.encode(), canonical(value).encode(), hashlib.sha256).hexdigest()


def canonical(value: Any) -> str:
    """The one JSON text of a value: equal values have equal texts."""
    return json.dumps(value, sort_keys=True)
