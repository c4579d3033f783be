"""What a tenant consists of, and how the state file writes it.

Both hold the values of secrets in clear, so only the file's owner can read it (mode 0600).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Kind = Literal["applications", "servicePrincipals"]
KINDS: tuple[Kind, Kind] = ("applications", "servicePrincipals")

VERSION = 1

TOKEN_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"  # noqa: S105
"""The audience of an assertion for Entra."""


def digest(value: str) -> str:
    """The SHA-256 of a text that the state recognises without keeping it."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ClientSecret:
    """A client secret, kept as its SHA-256. `expires` is None if it never expires."""

    sha256: str
    expires: datetime | None = None

    @classmethod
    def of(cls, value: str, expires: datetime | None = None) -> ClientSecret:
        """The secret with this value."""
        return cls(digest(value), expires)

    def is_for(self, value: str) -> bool:
        """Whether this is the secret with that value."""
        return hmac.compare_digest(self.sha256, digest(value))


Issuer = Literal["github-actions", "azure-devops", "gitlab", "kubernetes"]
"""An issuer of assertions that the emulator stands in for."""


@dataclass(frozen=True)
class FederatedIdentityCredential:
    """Trust in another issuer's assertions, in place of a secret.

    https://learn.microsoft.com/graph/api/resources/federatedidentitycredential

    Issuer, subject and audience must match the assertion exactly. `issuer` is a URL, or the name of
    an issuer that the emulator stands in for, such as `github-actions`.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...] = (TOKEN_EXCHANGE_AUDIENCE,)


@dataclass(frozen=True)
class Client:
    """An application that can request tokens.

    `object_id` is the id of its service principal, the `oid` claim of its tokens.
    """

    client_id: str
    object_id: str
    secrets: tuple[ClientSecret, ...] = ()
    certificates: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    federated_credentials: tuple[FederatedIdentityCredential, ...] = ()


@dataclass
class Job:
    """A synchronization job.

    `code` is Graph's `status.code`. A quarantine has `reason` and `began`, and can have `error`,
    `message`, `next`, `count` and `restarted`. An execution has `began` and `state`, and can have
    `error` and `message`. Times are texts, as Graph writes them.
    """

    id: str
    template_id: str
    code: str = "NotConfigured"
    schedule_state: str = "Disabled"
    quarantine: dict[str, Any] | None = None
    last_execution: dict[str, str] | None = None
    last_success: dict[str, str] | None = None
    steady_since: str | None = None
    failures: int = 0


@dataclass
class DirectoryObject:
    """An application or a service principal, with the state of its synchronization.

    `properties` are those that a client has set, `beta` those that only Graph's beta endpoint has.
    `owners` are object ids. `template_id` is the application template that it comes from.
    `authorized` is when acquireAccessToken last succeeded, `deleted` when it was deleted.
    """

    kind: Kind
    id: str
    app_id: str
    display_name: str
    created: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    authorized: datetime | None = None
    owners: list[str] = field(default_factory=list)
    template_id: str | None = None
    beta: dict[str, Any] = field(default_factory=dict)
    deleted: datetime | None = None


@dataclass
class ThirdPartyClient:
    """A client of the third party; `secret` is a digest."""

    client_id: str
    secret: str
    redirect_uris: list[str]


@dataclass
class Grant:
    """A code or a token of the third party, stored under its digest.

    `expires` is None if it is valid until it is revoked. `code` is the digest of the code that the
    token was exchanged for.
    """

    use: Literal["code", "access", "refresh"]
    client_id: str | None
    expires: datetime | None
    redirect_uri: str = ""
    spent: bool = False
    code: str | None = None


@dataclass
class ThirdPartyState:
    """What the third party stores. `revoked` are digests of values that it no longer accepts."""

    clients: dict[str, ThirdPartyClient] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """The state as the file holds it, with times as datetimes."""
        return {
            "clients": [asdict(client) for client in self.clients.values()],
            "grants": {name: asdict(grant) for name, grant in self.grants.items()},
            "revoked": sorted(self.revoked),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> ThirdPartyState:
        """The state that a file holds."""
        clients = (ThirdPartyClient(**item) for item in saved["clients"])
        grants = {
            name: Grant(**{**item, "expires": _parse_time(item["expires"])})
            for name, item in saved["grants"].items()
        }
        return cls({c.client_id: c for c in clients}, grants, set(saved["revoked"]))


@dataclass
class State:
    """Everything that a tenant stores.

    `deleted` are the directory's deleted items. `spent_codes` are digests of authorization codes,
    never the codes.
    """

    tenant_id: str
    objects: dict[Kind, dict[str, DirectoryObject]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    clients: dict[str, Client] = field(default_factory=dict)
    spent_codes: set[str] = field(default_factory=set)
    deleted: dict[str, DirectoryObject] = field(default_factory=dict)
    third_party: ThirdPartyState = field(default_factory=ThirdPartyState)

    def to_json(self) -> dict[str, Any]:
        """The state as the file holds it, with times as datetimes."""
        return {
            "version": VERSION,
            "tenantId": self.tenant_id,
            **{
                kind: [asdict(item) for item in objects.values()]
                for kind, objects in self.objects.items()
            },
            "clients": [asdict(client) for client in self.clients.values()],
            "spentCodes": sorted(self.spent_codes),
            "deleted": [asdict(item) for item in self.deleted.values()],
            "thirdParty": self.third_party.to_json(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> State:
        """The state that a file holds."""
        if saved["version"] != VERSION:
            raise ValueError(f"version {saved['version']!r} is not {VERSION}")
        state = cls(saved["tenantId"], spent_codes=set(saved["spentCodes"]))
        for kind in KINDS:
            for item in saved[kind]:
                state.objects[kind][item["id"]] = _directory_object(item)
        for item in saved["clients"]:
            state.clients[item["client_id"]] = _client(item)
        # Files of earlier versions lack these two.
        for item in saved.get("deleted", ()):
            state.deleted[item["id"]] = _directory_object(item)
        if "thirdParty" in saved:
            state.third_party = ThirdPartyState.from_json(saved["thirdParty"])
        return state


def _directory_object(item: Mapping[str, Any]) -> DirectoryObject:
    found = DirectoryObject(**item)
    found.created = datetime.fromisoformat(item["created"])
    found.authorized = _parse_time(item["authorized"])
    found.deleted = _parse_time(item.get("deleted"))
    found.jobs = {name: Job(**job) for name, job in item["jobs"].items()}
    return found


def _client(item: Mapping[str, Any]) -> Client:
    return replace(
        Client(**item),
        secrets=tuple(
            ClientSecret(s["sha256"], _parse_time(s["expires"])) for s in item["secrets"]
        ),
        certificates=tuple(item["certificates"]),
        roles=tuple(item["roles"]),
        federated_credentials=tuple(
            FederatedIdentityCredential(c["issuer"], c["subject"], tuple(c["audiences"]))
            # Files of earlier versions lack them.
            for c in item.get("federated_credentials", ())
        ),
    )


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
