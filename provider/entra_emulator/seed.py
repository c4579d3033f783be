"""A seed: what a tenant holds from the start, with ids that programs can be written against.

    replicationLag: 30
    clients:
      - clientId: 11111111-…
        secrets: [a-secret]                 # or {value: …, expires: 2030-01-01T00:00:00Z}
        roles: [Synchronization.ReadWrite.All]
        federatedCredentials:
          - issuer: github-actions          # or azure-devops, gitlab, kubernetes, or a URL
            subject: repo:contoso/provisioning:ref:refs/heads/main
            audiences: [api://AzureADTokenExchange]
    applications:
      - id: 22222222-…
        appId: 33333333-…
        displayName: Fabrikam
        secrets: {BaseAddress: https://scim.example, SecretToken: …}
    servicePrincipals:
      - id: 44444444-…
        appId: 33333333-…
        authorizedAt: 2026-01-01T00:00:00Z
        secrets: {Oauth2AccessToken: …}
        jobs:
          - id: scim.0123.4567
            templateId: scim
            status: Quarantine
            quarantine: EncounteredQuarantineException

Only `clientId`, `id`, `appId` and `displayName` are needed, a federated credential's `issuer` and
`subject`, and a job's `id` and `templateId`. What a state file holds already stays as it is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from .documents import GUID, LIST, MAPPING, NUMBER, TEXT, Shape, fields
from .secret_keys import SECRET_KEYS, SETTING_KEYS
from .state import (
    KINDS,
    Client,
    ClientSecret,
    FederatedIdentityCredential,
    Job,
    Kind,
    Target,
)
from .tenant import Tenant

_MOMENT = Shape("a moment such as 2030-01-01T00:00:00Z", lambda value: _moment(value) is not None)
_SEED = {"clients": LIST, "applications": LIST, "servicePrincipals": LIST, "replicationLag": NUMBER}
_CLIENT = {
    "clientId": GUID,
    "objectId": GUID,
    "secrets": LIST,
    "certificates": LIST,
    "roles": LIST,
    "federatedCredentials": LIST,
}
_FEDERATED = {"issuer": TEXT, "subject": TEXT, "audiences": LIST}
_SECRET = {"value": TEXT, "expires": _MOMENT}
_TARGET = {
    "id": GUID,
    "appId": GUID,
    "displayName": TEXT,
    "secrets": MAPPING,
    "authorizedAt": _MOMENT,
}
_SECRETS = dict.fromkeys(SECRET_KEYS, TEXT)
_JOB = {"id": TEXT, "templateId": TEXT, "status": TEXT, "quarantine": TEXT}
_STATUSES = ("NotConfigured", "NotRun", "Active", "Paused", "Quarantine")
# https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationquarantine
_REASONS = (
    "EncounteredBaseEscrowThreshold",
    "EncounteredTotalEscrowThreshold",
    "EncounteredEscrowProportionThreshold",
    "EncounteredQuarantineException",
    "Unknown",
    "QuarantinedOnDemand",
    "TooManyDeletes",
    "IngestionInterrupted",
)
_CREATED = datetime(2026, 1, 1, tzinfo=timezone.utc)


class JobStatus(NamedTuple):
    """What a seed says of a job; `reason` is of a quarantine."""

    principal_id: str
    job_id: str
    code: str
    reason: str | None


@dataclass(frozen=True)
class Seed:
    """What is to be in a tenant."""

    clients: tuple[Client, ...] = ()
    targets: tuple[Target, ...] = ()
    statuses: tuple[JobStatus, ...] = ()
    replication_lag: float = 0

    @classmethod
    def read(cls, source: Path | Mapping[str, Any]) -> Seed:
        """The seed in a YAML file, or in what such a file holds.

        ValueError of one line, without any secret, that names the place.
        """
        if isinstance(source, Path):
            # Only who has a file needs the package that reads it.
            from . import yaml_file

            document, name = yaml_file.read(source), str(source)
        else:
            document, name = dict(source), "the seed"
        given = fields(document, name, _SEED)
        statuses: list[JobStatus] = []
        clients = [_client(item, place) for place, item in _items(given, "clients", name)]
        targets = [
            _target(kind, item, place, statuses)
            for kind in KINDS
            for place, item in _items(given, kind, name)
        ]
        _refuse_twins(targets, name)
        lag = given.get("replicationLag", 0)
        return cls(tuple(clients), tuple(targets), tuple(statuses), lag)

    def plant(self, tenant: Tenant, *, is_new: bool) -> None:
        """Puts it into the tenant: in a new one over the default objects, in an old one beside all.

        ValueError if the tenant has an appId under another id, or no application of a principal's.
        """
        for target in self.targets:
            self._check(target, tenant)
        adopted = tenant.adopt(self.clients, self.targets, replace=is_new)
        for status in self.statuses:
            if status.principal_id in adopted:
                tenant.set_job_status(
                    status.principal_id, status.code, reason=status.reason, job_id=status.job_id
                )

    def _check(self, target: Target, tenant: Tenant) -> None:
        place = f"the seed's {target.kind} {target.id}"
        held = [item["id"] for item in tenant.objects(target.kind, ("appId", target.app_id))]
        if held not in ([], [target.id]):
            raise ValueError(f"{place}: the tenant has its appId under the id {held[0]}")
        if target.kind == "servicePrincipals" and not held:
            names = [t.display_name for t in self.targets if _is_application_of(t, target)]
            there = tenant.objects("applications", ("appId", target.app_id))
            names += [item["displayName"] for item in there]
            if not names:
                raise ValueError(f"{place}: no application has its appId")
            target.display_name = target.display_name or names[0]


def _is_application_of(application: Target, principal: Target) -> bool:
    return application.kind == "applications" and application.app_id == principal.app_id


def _items(given: Mapping[str, Any], field: str, place: str) -> Iterator[tuple[str, Any]]:
    """The items of a list, each with its place."""
    for number, item in enumerate(given.get(field, [])):
        yield f"{place}: {field}[{number}]", item


def _client(item: Any, place: str) -> Client:
    given = fields(item, place, _CLIENT, needed=("clientId",))
    secrets = [_secret(secret, where) for where, secret in _items(given, "secrets", place)]
    return Client(
        client_id=given["clientId"].lower(),
        object_id=given.get("objectId", str(uuid.uuid4())).lower(),
        secrets=tuple(secrets),
        certificates=_texts(given, "certificates", place),
        roles=_texts(given, "roles", place),
        federated_credentials=tuple(
            _federated(item, where) for where, item in _items(given, "federatedCredentials", place)
        ),
    )


def _secret(item: Any, place: str) -> ClientSecret:
    if TEXT.accepts(item):
        return ClientSecret.of(item)
    if not isinstance(item, dict):
        raise ValueError(f"{place} must be a text, or a mapping of value, expires")
    given = fields(item, place, _SECRET, needed=("value",))
    return ClientSecret.of(given["value"], _moment(given.get("expires")))


def _federated(item: Any, place: str) -> FederatedIdentityCredential:
    given = fields(item, place, _FEDERATED, needed=("issuer", "subject"))
    credential = FederatedIdentityCredential(given["issuer"], given["subject"])
    if "audiences" not in given:
        return credential
    return replace(credential, audiences=_texts(given, "audiences", place))


def _target(kind: Kind, item: Any, place: str, statuses: list[JobStatus]) -> Target:
    shapes = _TARGET | ({"jobs": LIST} if kind == "servicePrincipals" else {})
    needed = ("id", "appId", "displayName") if kind == "applications" else ("id", "appId")
    given = fields(item, place, shapes, needed)
    secrets = fields(given.get("secrets", {}), f"{place}: secrets", _SECRETS)
    is_configured = bool(secrets.keys() - SETTING_KEYS)
    if "authorizedAt" in given and not is_configured:
        raise ValueError(f"{place}: authorizedAt needs secrets")
    target = Target(
        kind,
        given["id"].lower(),
        given["appId"].lower(),
        given.get("displayName", ""),
        _CREATED,
        secrets=dict(secrets),
        authorized=_moment(given.get("authorizedAt")),
    )
    for where, job in _items(given, "jobs", place):
        read = fields(job, where, _JOB, needed=("id", "templateId"))
        if read["id"] in target.jobs:
            raise ValueError(f"{where}: another job of the service principal has this id")
        target.jobs[read["id"]] = Job(read["id"], read["templateId"])
        if "status" in read or "quarantine" in read:
            statuses.append(_status(target.id, read, where, is_configured))
    return target


def _status(
    principal_id: str, job: Mapping[str, Any], place: str, is_configured: bool
) -> JobStatus:
    code, reason = job.get("status"), job.get("quarantine")
    if code not in _STATUSES:
        raise ValueError(f"{place}: status must be one of {', '.join(_STATUSES)}")
    if is_configured == (code == "NotConfigured"):
        raise ValueError(
            f"{place}: a job without secrets is NotConfigured, one with secrets is not"
        )
    if (reason is None) == (code == "Quarantine"):
        raise ValueError(f"{place}: status Quarantine and quarantine, its reason, go together")
    if reason is not None and reason not in _REASONS:
        raise ValueError(f"{place}: quarantine must be one of {', '.join(_REASONS)}")
    return JobStatus(principal_id, job["id"], code, reason)


def _refuse_twins(targets: list[Target], name: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for target in targets:
        for field, value in (("id", target.id), ("appId", target.app_id)):
            if (target.kind, field, value) in seen:
                raise ValueError(f"{name}: {target.kind} has the {field} {value} twice")
            seen.add((target.kind, field, value))


def _texts(given: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    texts = given.get(name, [])
    if not all(TEXT.accepts(text) for text in texts):
        raise ValueError(f"{place}: {name} must be a list of texts")
    return tuple(texts)


def _moment(value: Any) -> datetime | None:
    """A moment in UTC, which YAML has read already unless it stood in quotes."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
