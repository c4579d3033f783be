"""The caller that an access token was issued to, according to its claims."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

PERSONAL_TENANT: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal Microsoft accounts in every token of theirs."""

PERSONAL_ACCOUNT: Final = (
    "personal Microsoft accounts cannot authorize provisioning. Sign in with a work or school"
    " account, or give your organization's tenant and a client of it."
)


PERSONAL_ACCOUNT_HEADING: Final = "a-personal-microsoft-account-signs-in"
"""The heading of docs/errors.md about them."""


@dataclass(frozen=True)
class Caller:
    """The caller that an access token was issued to, and its permissions.

    `client_id` is the application's, `object_id` the service principal's or the user's. `roles`
    are application permissions, `scopes` delegated ones; `directory_roles` are template ids.
    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """

    tenant_id: str
    client_id: str
    object_id: str
    is_user: bool
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    directory_roles: tuple[str, ...]

    @property
    def id(self) -> str:
        """The client id, or a signed-in user's object id."""
        return self.object_id if self.is_user else self.client_id

    @staticmethod
    def of(token: str) -> Caller | None:
        """The caller in the claims of `token`, or None: not every token of Graph can be read.

        Messages and outputs show the claims. Graph alone decides who may do what, so the signature
        is not verified. Ids and permissions that do not have the usual form are left out.
        """
        try:
            payload = token.split(".")[1]
            claims: dict[str, Any] = json.loads(
                base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            )
            scopes = _names(claims.get("scp", "").split())
            tenant_id, client_id, object_id = _names(
                (claims["tid"], claims.get("appid") or claims["azp"], claims["oid"])
            )
            return Caller(
                tenant_id=tenant_id,
                client_id=client_id,
                object_id=object_id,
                is_user=claims.get("idtyp") == "user" or bool(scopes),
                roles=_names(claims.get("roles", ())),
                scopes=scopes,
                directory_roles=_names(claims.get("wids", ())),
            )
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
            return None


def _names(claims: Iterable[Any]) -> tuple[str, ...]:
    """Those of `claims` that have the form of an id or a permission: commands are made of them."""
    return tuple(
        claim
        for claim in claims
        if isinstance(claim, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,120}", claim)
    )
