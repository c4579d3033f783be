"""A seed: what a tenant holds from the start, with ids that programs can rely on.

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

Required are `clientId`, `id`, `appId`, `displayName`, the `issuer` and `subject` of a federated
credential, and the `id` and `templateId` of a job. Objects in a state file keep their state.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from ..formats import parse_time
from ..input import yaml_file
from ..input.shapes import GUID, LIST, MAPPING, NUMBER, TEXT, Shape, checked_fields
from ..state.model import (
    KINDS,
    Client,
    ClientSecret,
    DirectoryObject,
    FederatedIdentityCredential,
    Job,
    Kind,
)
from .secret_keys import SECRET_KEYS, SETTING_KEYS
from .tenant import Tenant

_TIME = Shape("a time such as 2030-01-01T00:00:00Z", lambda value: _parsed_time(value) is not None)
_SEED = {"clients": LIST, "applications": LIST, "servicePrincipals": LIST, "replicationLag": NUMBER}
_CLIENT = {
    "clientId": GUID,
    "objectId": GUID,
    "secrets": LIST,
    "certificates": LIST,
    "roles": LIST,
    "federatedCredentials": LIST,
}
_FEDERATED_CREDENTIAL = {"issuer": TEXT, "subject": TEXT, "audiences": LIST}
_SECRET = {"value": TEXT, "expires": _TIME}
_OBJECT = {
    "id": GUID,
    "appId": GUID,
    "displayName": TEXT,
    "secrets": MAPPING,
    "authorizedAt": _TIME,
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
    """The status that a seed gives a job; `reason` is that of a quarantine."""

    principal_id: str
    job_id: str
    code: str
    reason: str | None


@dataclass(frozen=True)
class Seed:
    """The clients and objects that a tenant is to hold."""

    clients: tuple[Client, ...] = ()
    objects: tuple[DirectoryObject, ...] = ()
    statuses: tuple[JobStatus, ...] = ()
    replication_lag: float = 0

    @classmethod
    def read(cls, source: Path | Mapping[str, Any]) -> Seed:
        """The seed in a YAML file, or in the content of such a file.

        ValueError, in one line and without any secret, if the content is wrong.
        """
        if isinstance(source, Path):
            content, name = yaml_file.read(source), str(source)
        else:
            content, name = dict(source), "the seed"
        given = checked_fields(content, name, _SEED)
        statuses: list[JobStatus] = []
        clients = [_client(item, place) for place, item in _items(given, "clients", name)]
        objects = [
            _directory_object(kind, item, place, statuses)
            for kind in KINDS
            for place, item in _items(given, kind, name)
        ]
        _refuse_duplicates(objects, name)
        lag = given.get("replicationLag", 0)
        return cls(tuple(clients), tuple(objects), tuple(statuses), lag)

    def plant(self, tenant: Tenant, *, is_new: bool) -> None:
        """Adds it to the tenant: a new tenant's objects are replaced, an existing one's are kept.

        ValueError if an appId belongs to another id in the tenant, or if a service principal has no
        application.
        """
        for target in self.objects:
            self._check(target, tenant)
        adopted = tenant.adopt(self.clients, self.objects, replace=is_new)
        for status in self.statuses:
            if status.principal_id in adopted:
                tenant.set_job_status(
                    status.principal_id, status.code, reason=status.reason, job_id=status.job_id
                )

    def _check(self, target: DirectoryObject, tenant: Tenant) -> None:
        place = f"the seed's {target.kind} {target.id}"
        held = [item["id"] for item in tenant.objects(target.kind, ("appId", target.app_id))]
        if held not in ([], [target.id]):
            raise ValueError(f"{place}: in the tenant, its appId belongs to the id {held[0]}")
        if target.kind == "servicePrincipals" and not held:
            names = [t.display_name for t in self.objects if _is_application_of(t, target)]
            existing = tenant.objects("applications", ("appId", target.app_id))
            names += [item["displayName"] for item in existing]
            if not names:
                raise ValueError(f"{place}: no application has its appId")
            target.display_name = target.display_name or names[0]


def _is_application_of(application: DirectoryObject, principal: DirectoryObject) -> bool:
    return application.kind == "applications" and application.app_id == principal.app_id


def _items(given: Mapping[str, Any], field: str, place: str) -> Iterator[tuple[str, Any]]:
    """The items of a list, each with its place for an error."""
    for number, item in enumerate(given.get(field, [])):
        yield f"{place}: {field}[{number}]", item


def _client(item: Any, place: str) -> Client:
    given = checked_fields(item, place, _CLIENT, required=("clientId",))
    secrets = [_secret(secret, where) for where, secret in _items(given, "secrets", place)]
    return Client(
        client_id=given["clientId"].lower(),
        object_id=given.get("objectId", str(uuid.uuid4())).lower(),
        secrets=tuple(secrets),
        certificates=_texts(given, "certificates", place),
        roles=_texts(given, "roles", place),
        federated_credentials=tuple(
            _federated_credential(item, where)
            for where, item in _items(given, "federatedCredentials", place)
        ),
    )


def _secret(item: Any, place: str) -> ClientSecret:
    if TEXT.accepts(item):
        return ClientSecret.of(item)
    if not isinstance(item, dict):
        raise ValueError(f"{place} must be a text, or a mapping with the fields value, expires")
    given = checked_fields(item, place, _SECRET, required=("value",))
    return ClientSecret.of(given["value"], _parsed_time(given.get("expires")))


def _federated_credential(item: Any, place: str) -> FederatedIdentityCredential:
    given = checked_fields(item, place, _FEDERATED_CREDENTIAL, required=("issuer", "subject"))
    credential = FederatedIdentityCredential(given["issuer"], given["subject"])
    if "audiences" not in given:
        return credential
    return replace(credential, audiences=_texts(given, "audiences", place))


def _directory_object(
    kind: Kind, item: Any, place: str, statuses: list[JobStatus]
) -> DirectoryObject:
    shapes = _OBJECT | ({"jobs": LIST} if kind == "servicePrincipals" else {})
    required = ("id", "appId", "displayName") if kind == "applications" else ("id", "appId")
    given = checked_fields(item, place, shapes, required)
    secrets = checked_fields(given.get("secrets", {}), f"{place}: secrets", _SECRETS)
    is_configured = bool(secrets.keys() - SETTING_KEYS)
    if "authorizedAt" in given and not is_configured:
        raise ValueError(f"{place}: authorizedAt requires secrets")
    target = DirectoryObject(
        kind,
        given["id"].lower(),
        given["appId"].lower(),
        given.get("displayName", ""),
        _CREATED,
        secrets=dict(secrets),
        authorized=_parsed_time(given.get("authorizedAt")),
    )
    for where, job in _items(given, "jobs", place):
        read = checked_fields(job, where, _JOB, required=("id", "templateId"))
        if read["id"] in target.jobs:
            raise ValueError(f"{where}: another job of the service principal has the same id")
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
            f"{place}: status must be NotConfigured without secrets, and another with them"
        )
    if (reason is None) == (code == "Quarantine"):
        raise ValueError(
            f"{place}: status Quarantine and quarantine (its reason) require each other"
        )
    if reason is not None and reason not in _REASONS:
        raise ValueError(f"{place}: quarantine must be one of {', '.join(_REASONS)}")
    return JobStatus(principal_id, job["id"], code, reason)


def _refuse_duplicates(objects: list[DirectoryObject], name: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for target in objects:
        for field, value in (("id", target.id), ("appId", target.app_id)):
            if (target.kind, field, value) in seen:
                raise ValueError(f"{name}: two {target.kind} have the {field} {value}")
            seen.add((target.kind, field, value))


def _texts(given: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    texts = given.get(name, [])
    if not all(TEXT.accepts(text) for text in texts):
        raise ValueError(f"{place}: {name} must be a list of texts")
    return tuple(texts)


def _parsed_time(value: Any) -> datetime | None:
    """A time in UTC. YAML has parsed it already, unless it is in quotes."""
    if isinstance(value, str):
        try:
            value = parse_time(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
