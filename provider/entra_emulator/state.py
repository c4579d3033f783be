"""What an emulated tenant consists of, and its form in a file.

Values of secrets are in here, and in the file, in clear: the file is for its owner only (mode
0600).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Literal

Kind = Literal["applications", "servicePrincipals"]
KINDS: tuple[Kind, Kind] = ("applications", "servicePrincipals")

VERSION = 1

TOKEN_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"  # noqa: S105
"""The audience of an assertion that is meant for Entra."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    """Whether the text is a GUID as Graph writes them, in either case."""
    return _GUID.fullmatch(text) is not None


def timestamp(moment: datetime) -> str:
    """A moment as Graph writes it, in UTC and to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The moment of a text that `timestamp` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def digest(value: str) -> str:
    """The SHA-256 of a text that is to be recognised but not kept."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ClientSecret:
    """A client secret of a caller, kept as its SHA-256.

    `expires` is None for one that never does.
    """

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
"""An issuer of assertions that the emulator plays."""


@dataclass(frozen=True)
class FederatedIdentityCredential:
    """Trust in the assertions of another issuer, in place of a secret.

    https://learn.microsoft.com/graph/api/resources/federatedidentitycredential

    All three have to be exactly those of the assertion. `issuer` is a URL, or the name of one of
    the issuers that the emulator plays, such as github-actions.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...] = (TOKEN_EXCHANGE_AUDIENCE,)


@dataclass(frozen=True)
class Client:
    """An application that may ask for tokens.

    `object_id` is its service principal's, the `oid` of its tokens.
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

    `code` is Graph's `status.code`. A quarantine has `reason` and `began`, and may have `error`,
    `message`, `next`, `count` and `restarted`. An execution has `began`, `state`, and may have
    `error` and `message`. Moments are Graph's texts.
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
class Target:
    """An application or a service principal, with the state of its synchronization.

    `properties` are those that were given, `owners` object ids, `template_id` the application
    template's that it was instantiated from. `beta` are properties that only Graph's beta endpoint
    knows. `deleted` is the moment of its deletion.
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
    """A client of the third party: the secret's digest, and where codes for it may be sent."""

    client_id: str
    secret: str
    redirect_uris: list[str]


@dataclass
class Grant:
    """A code or a token of the third party, known by its digest.

    `expires` is None for one that lasts until it is revoked. `code` is the digest of the code that
    a token was obtained with.
    """

    use: Literal["code", "access", "refresh"]
    client_id: str | None
    expires: datetime | None
    redirect_uri: str = ""
    spent: bool = False
    code: str | None = None


@dataclass
class ThirdPartyState:
    """What the third party remembers. `revoked` are digests of values that it no longer takes."""

    clients: dict[str, ThirdPartyClient] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """The state for a file; moments are still datetimes."""
        return {
            "clients": [asdict(client) for client in self.clients.values()],
            "grants": {name: asdict(grant) for name, grant in self.grants.items()},
            "revoked": sorted(self.revoked),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ThirdPartyState:
        """The state from a file."""
        clients = (ThirdPartyClient(**item) for item in document["clients"])
        grants = {
            name: Grant(**{**item, "expires": _moment(item["expires"])})
            for name, item in document["grants"].items()
        }
        return cls({c.client_id: c for c in clients}, grants, set(document["revoked"]))


@dataclass
class State:
    """Everything that a tenant remembers.

    `deleted` are the objects that can still be seen among the deleted items. `spent_codes` are
    digests of authorization codes, never the codes.
    """

    tenant_id: str
    targets: dict[Kind, dict[str, Target]] = field(
        default_factory=lambda: {kind: {} for kind in KINDS}
    )
    clients: dict[str, Client] = field(default_factory=dict)
    spent_codes: set[str] = field(default_factory=set)
    deleted: dict[str, Target] = field(default_factory=dict)
    third_party: ThirdPartyState = field(default_factory=ThirdPartyState)

    def to_json(self) -> dict[str, Any]:
        """The state for a file; moments are still datetimes."""
        return {
            "version": VERSION,
            "tenantId": self.tenant_id,
            **{
                kind: [asdict(target) for target in targets.values()]
                for kind, targets in self.targets.items()
            },
            "clients": [asdict(client) for client in self.clients.values()],
            "spentCodes": sorted(self.spent_codes),
            "deleted": [asdict(target) for target in self.deleted.values()],
            "thirdParty": self.third_party.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> State:
        """The state from a file."""
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']!r} is not {VERSION}")
        state = cls(document["tenantId"], spent_codes=set(document["spentCodes"]))
        for kind in KINDS:
            for item in document[kind]:
                state.targets[kind][item["id"]] = _target(item)
        for item in document["clients"]:
            state.clients[item["client_id"]] = _client(item)
        # Files that were written before there were such things lack these two.
        for item in document.get("deleted", ()):
            state.deleted[item["id"]] = _target(item)
        if "thirdParty" in document:
            state.third_party = ThirdPartyState.from_json(document["thirdParty"])
        return state


def _target(item: Mapping[str, Any]) -> Target:
    target = Target(**item)
    target.created = datetime.fromisoformat(item["created"])
    target.authorized = _moment(item["authorized"])
    target.deleted = _moment(item.get("deleted"))
    target.jobs = {name: Job(**job) for name, job in item["jobs"].items()}
    return target


def _client(item: Mapping[str, Any]) -> Client:
    return replace(
        Client(**item),
        secrets=tuple(ClientSecret(s["sha256"], _moment(s["expires"])) for s in item["secrets"]),
        certificates=tuple(item["certificates"]),
        roles=tuple(item["roles"]),
        federated_credentials=tuple(
            FederatedIdentityCredential(c["issuer"], c["subject"], tuple(c["audiences"]))
            # Files that were written before there were such things lack them.
            for c in item.get("federated_credentials", ())
        ),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(timezone.utc)
