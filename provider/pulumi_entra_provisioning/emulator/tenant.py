"""A tenant's directory and what its synchronization service keeps: the rules, without HTTP.

Every refusal is a `GraphError`. Any thread may call any method; each is one step that happens as a
whole or not at all.
"""

from __future__ import annotations

import re
import secrets as randomness
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from . import state as states
from .assumptions import Assumptions
from .graph_errors import GraphError, bad_request, nested, not_found
from .secret_keys import SECRET_KEYS, SETTING_KEYS
from .state import Client, ClientSecret, Job, Kind, State, Target, digest, utc_now

Pairs = Mapping[str, str | None] | Iterable[tuple[str, str | None]]
"""Keys and values as a mapping or as pairs, in which a later pair counts.

None is the same as "".
"""

# Known to everyone and good for nothing but an emulator on somebody's own machine.
DEFAULT_TENANT_ID = "00000000-0000-4000-8000-00000000c0de"
DEFAULT_CLIENT_ID = "00000000-0000-4000-8000-0000000c11e0"
DEFAULT_CLIENT_SECRET = "emulator-secret-not-a-secret"  # noqa: S105
DEFAULT_APP_ID = "00000000-0000-4000-8000-0000000a9910"
DEFAULT_APPLICATION_ID = "00000000-0000-4000-8000-00000000a991"
DEFAULT_SERVICE_PRINCIPAL_ID = "00000000-0000-4000-8000-00000000051d"

_DEFAULT_CLIENT_OBJECT_ID = "00000000-0000-4000-8000-0000000c11e1"
_DEFAULT_JOB_ID = f"scim.{DEFAULT_TENANT_ID.replace('-', '')}.00000000-0000-4000-8000-000000000b0b"

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    """Whether the text is a GUID as Graph writes them, in either case."""
    return _GUID.fullmatch(text) is not None


class Permission(Enum):
    """What an operation needs: any one of these application roles.

    https://learn.microsoft.com/graph/permissions-reference
    """

    SYNCHRONIZATION_WRITE = frozenset(
        {
            "Application.ReadWrite.OwnedBy",
            "Application.ReadWrite.All",
            "Synchronization.ReadWrite.All",
        }
    )
    SYNCHRONIZATION_READ = SYNCHRONIZATION_WRITE | {"Synchronization.Read.All"}
    DIRECTORY_WRITE = frozenset(
        {
            "Application.ReadWrite.OwnedBy",
            "Application.ReadWrite.All",
            "Directory.ReadWrite.All",
        }
    )
    DIRECTORY_READ = DIRECTORY_WRITE | {"Application.Read.All", "Directory.Read.All"}

    @property
    def is_synchronization(self) -> bool:
        """Whether it is one of the synchronization API's, which refuses differently."""
        return self in (Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE)


@dataclass(frozen=True)
class Authorization:
    """A target that the provisioning service holds credentials for. Not visible through Graph."""

    kind: Kind
    id: str
    display_name: str
    authorized_at: datetime
    keys: tuple[str, ...]


class Tenant:
    """The directory of one tenant.

    With a state file, what it holds is read from there and kept there.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        assumptions: Assumptions | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._lock = threading.RLock()
        self._file = state
        self._assumptions = assumptions or Assumptions()
        self._now = now
        self._state = _begin(state)

    @property
    def tenant_id(self) -> str:
        """The GUID of the tenant."""
        return self._state.tenant_id

    # Callers

    def register_client(
        self,
        client_id: str,
        secrets: Iterable[str | ClientSecret] = (),
        certificates: Iterable[str | bytes] = (),
        roles: Iterable[str] = (),
    ) -> None:
        """Lets an application ask for tokens, or replaces what it had.

        Certificates are PEM; roles Graph's app roles.
        """
        known = self.client(client_id)
        client = Client(
            client_id=client_id.lower(),
            object_id=known.object_id if known else str(uuid.uuid4()),
            secrets=tuple(
                s if isinstance(s, ClientSecret) else ClientSecret.of(s) for s in secrets
            ),
            certificates=tuple(c.decode() if isinstance(c, bytes) else c for c in certificates),
            roles=tuple(roles),
        )
        with self._changing():
            self._state.clients[client.client_id] = client

    def client(self, client_id: str) -> Client | None:
        """The application of that client id, if it may ask for tokens here."""
        with self._lock:
            return self._state.clients.get(client_id.lower())

    def require(self, permission: Permission, roles: Iterable[str]) -> None:
        """Refuses a caller that has none of the roles that the permission takes."""
        if not permission.value.isdisjoint(roles):
            return
        if permission.is_synchronization:
            raise GraphError(*self._assumptions.missing_synchronization_permission)
        raise GraphError(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )

    # Directory

    def create_application(self, display_name: str) -> dict[str, Any]:
        """Graph's `application`: id, appId, displayName and more."""
        target = self._new("applications", str(uuid.uuid4()), display_name)
        with self._changing():
            self._state.targets["applications"][target.id] = target
        return _directory_object(target)

    def create_service_principal(self, app_id: str) -> dict[str, Any]:
        """Graph's `servicePrincipal` of an application here: id, appId, displayName and more."""
        with self._changing():
            application = self._by_app_id("applications", app_id)
            if application is None:
                raise bad_request(
                    f"The appId '{app_id}' of the service principal does not reference a valid"
                    " application object."
                )
            if self._by_app_id("servicePrincipals", app_id):
                raise GraphError(
                    409,
                    "Request_MultipleObjectsWithSameKeyValue",
                    "The service principal cannot be created, updated, or restored because the"
                    f" service principal name {app_id} is already in use.",
                )
            target = self._new("servicePrincipals", application.app_id, application.display_name)
            self._state.targets["servicePrincipals"][target.id] = target
        return _directory_object(target)

    def objects(self, kind: Kind, where: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        """Graph's objects of a kind, oldest first; `where` is a property and its value."""
        with self._lock:
            objects = [_directory_object(target) for target in self._state.targets[kind].values()]
        if where is None:
            return objects
        name, text = where
        return [item for item in objects if str(item[name]).lower() == text.lower()]

    def get(self, kind: Kind, id: str) -> dict[str, Any]:
        """Graph's object of that object id."""
        with self._lock:
            return _directory_object(self._target(kind, id))

    def created(self, kind: Kind, id: str) -> datetime:
        """When the object was created, more exactly than its `createdDateTime`."""
        with self._lock:
            return self._target(kind, id).created

    def adopt(
        self, clients: Iterable[Client], targets: Iterable[Target], *, replace: bool
    ) -> set[str]:
        """Takes these in as they are; one whose id is here already only if `replace`.

        Gives the ids of the targets that it took in.
        """
        adopted = set()
        with self._changing():
            for client in clients:
                if replace or client.client_id not in self._state.clients:
                    self._state.clients[client.client_id] = client
            for target in targets:
                if replace or target.id not in self._state.targets[target.kind]:
                    self._state.targets[target.kind][target.id] = target
                    self._settle(target)
                    adopted.add(target.id)
        return adopted

    def delete(self, kind: Kind, id: str) -> None:
        """Removes the object with its own secrets and jobs, and nothing else."""
        with self._changing():
            del self._state.targets[kind][self._target(kind, id).id]

    # Synchronization

    def acquire_access_token(self, kind: Kind, id: str, pairs: Pairs) -> None:
        """Authorizes the provisioning service against the target, with these credentials.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        assumed = self._assumptions
        with self._changing():
            target = self._target(kind, id)
            given = self._checked(pairs)
            code = given.get("Oauth2AuthorizationCode")
            if code and assumed.authorization_code_works_once:
                if digest(code) in self._state.spent_codes:
                    raise nested(assumed.spent_code_error, "The authorization code has been used.")
                self._state.spent_codes.add(digest(code))
            obtained = self._tokens() if any(map(given.get, assumed.exchange_keys)) else {}
            if not assumed.stores_authorization_code:
                given.pop("Oauth2AuthorizationCode", None)
            _merge(target.secrets, given | obtained)
            target.authorized = self._now()
            self._settle(target)
            if assumed.authorization_lifts_quarantine:
                _lift_quarantine(target, assumed.status_when_authorized)

    def secrets(self, kind: Kind, id: str) -> dict[str, str]:
        """The values that are kept, unmasked, in the order in which their keys came."""
        with self._lock:
            return dict(self._target(kind, id).secrets)

    def masked_secrets(self, kind: Kind, id: str) -> dict[str, str]:
        """The secrets as Graph answers them: "*" for a sensitive value."""
        masked = self._assumptions.masked_keys
        return {k: "*" if k in masked else v for k, v in self.secrets(kind, id).items()}

    def put_secrets(self, kind: Kind, id: str, pairs: Pairs) -> None:
        """Keeps these values; "" removes its key.

        https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization
        """
        with self._changing():
            target = self._target(kind, id)
            given = self._checked(pairs)
            if not self._assumptions.put_merges:
                target.secrets.clear()
            _merge(target.secrets, given)
            self._settle(target)

    def create_job(self, service_principal_id: str, template_id: str) -> dict[str, Any]:
        """Graph's `synchronizationJob`, not configured and disabled."""
        job_id = f"{template_id}.{self.tenant_id.replace('-', '')}.{uuid.uuid4()}"
        with self._changing():
            target = self._target("servicePrincipals", service_principal_id)
            target.jobs[job_id] = Job(job_id, template_id)
            self._settle(target)
            return _job(target.jobs[job_id])

    def jobs(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `synchronizationJob`s of the object, oldest first."""
        with self._lock:
            return [_job(job) for job in self._target(kind, id).jobs.values()]

    def job(self, kind: Kind, id: str, job_id: str) -> dict[str, Any]:
        """Graph's `synchronizationJob` of that id."""
        with self._lock:
            job = self._target(kind, id).jobs.get(job_id)
            if job is None:
                raise not_found(job_id)
            return _job(job)

    def set_job_status(
        self,
        service_principal_id: str,
        code: str,
        *,
        reason: str | None = None,
        error_code: str | None = None,
        job_id: str | None = None,
    ) -> None:
        """Gives one job, or all of the service principal, a `status.code`; `reason` quarantines it.

        `set_job_status(id, "Quarantine", reason="EncounteredQuarantineException")` is what invalid
        credentials lead to.
        """
        with self._changing():
            jobs = self._target("servicePrincipals", service_principal_id).jobs
            for job in jobs.values() if job_id is None else [jobs[job_id]]:
                job.code = code
                job.quarantine = None
                if reason is not None:
                    job.quarantine = {"reason": reason, "began": _timestamp(self._now())}
                    if error_code is not None:
                        job.quarantine["error"] = error_code

    def authorizations(self) -> list[Authorization]:
        """The targets that acquireAccessToken succeeded on and that still hold credentials."""
        with self._lock:
            return [
                Authorization(t.kind, t.id, t.display_name, t.authorized, tuple(t.secrets))
                for targets in self._state.targets.values()
                for t in targets.values()
                if t.authorized is not None
            ]

    # How it is done

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            yield
            if self._file is not None:
                states.write(self._file, self._state)

    def _target(self, kind: Kind, id: str) -> Target:
        if not is_guid(id):
            raise bad_request(f"Invalid object identifier '{id}'.")
        target = self._state.targets[kind].get(id.lower())
        if target is None:
            raise not_found(id)
        return target

    def _by_app_id(self, kind: Kind, app_id: str) -> Target | None:
        targets = self._state.targets[kind].values()
        return next((target for target in targets if target.app_id == app_id.lower()), None)

    def _new(self, kind: Kind, app_id: str, display_name: str) -> Target:
        return Target(kind, str(uuid.uuid4()), app_id, display_name, self._now())

    def _checked(self, pairs: Pairs) -> dict[str, str]:
        """The pairs as a mapping, with every key known and none emptied that can't be."""
        given = {key: value or "" for key, value in dict(pairs).items()}
        for key, value in given.items():
            if key not in SECRET_KEYS:
                status, code = self._assumptions.unknown_key
                raise GraphError(status, code, f"Requested value '{key}' was not found.")
            if not value and key in self._assumptions.unemptiable_keys:
                raise nested(self._assumptions.empty_setting_error)
        return given

    def _tokens(self) -> dict[str, str]:
        return {
            key: _timestamp(self._now())
            if key == "Oauth2AccessTokenCreationTime"
            else f"emulated-{randomness.token_urlsafe(24)}"
            for key in self._assumptions.issued_keys
        }

    def _settle(self, target: Target) -> None:
        """Brings what depends on the target's credentials into line with them."""
        authorized = bool(target.secrets.keys() - SETTING_KEYS)
        if not authorized:
            target.authorized = None
        for job in target.jobs.values():
            if not authorized:
                job.code, job.quarantine = "NotConfigured", None
            elif job.code == "NotConfigured":
                job.code = self._assumptions.status_when_authorized


def _merge(kept: dict[str, str], given: Mapping[str, str]) -> None:
    for key, value in given.items():
        if value:
            kept[key] = value
        else:
            kept.pop(key, None)


def _lift_quarantine(target: Target, code: str) -> None:
    for job in target.jobs.values():
        if job.quarantine is not None:
            job.code, job.quarantine = code, None


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _directory_object(target: Target) -> dict[str, Any]:
    common = {
        "id": target.id,
        "deletedDateTime": None,
        "appId": target.app_id,
        "displayName": target.display_name,
        "createdDateTime": _timestamp(target.created),
        "signInAudience": "AzureADMyOrg",
    }
    if target.kind == "applications":
        return common
    return common | {
        "accountEnabled": True,
        "appDisplayName": target.display_name,
        "servicePrincipalNames": [target.app_id],
        "servicePrincipalType": "Application",
    }


def _job(job: Job) -> dict[str, Any]:
    # https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob
    never = "0001-01-01T00:00:00Z"
    return {
        "id": job.id,
        "templateId": job.template_id,
        "schedule": {
            "expiration": None,
            "interval": "PT40M",
            "state": job.schedule_state,
        },
        "status": {
            "code": job.code,
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": None,
            "lastSuccessfulExecution": None,
            "lastSuccessfulExecutionWithExports": None,
            "quarantine": _quarantine(job),
            "steadyStateFirstAchievedTime": never,
            "steadyStateLastAchievedTime": never,
            "troubleshootingUrl": None,
            "progress": [],
            "synchronizedEntryCountByType": [],
        },
        "synchronizationJobSettings": [],
    }


def _quarantine(job: Job) -> dict[str, Any] | None:
    if job.quarantine is None:
        return None
    began = job.quarantine["began"]
    code = job.quarantine.get("error")
    return {
        "currentBegan": began,
        "nextAttempt": began,
        "reason": job.quarantine["reason"],
        "seriesBegan": began,
        "seriesCount": 1,
        "error": code and {"code": code, "message": "", "tenantActionable": True},
    }


def _begin(file: Path | None) -> State:
    if file is None:
        return default_state()
    if file.exists():
        return states.read(file)
    if not file.parent.is_dir():
        raise ValueError(f"{file.parent} is no folder: no state file can be kept in it")
    return default_state()


def default_state() -> State:
    """The public tenant: a client that may do everything, an application and its principal."""
    state = State(DEFAULT_TENANT_ID)
    state.clients[DEFAULT_CLIENT_ID] = Client(
        client_id=DEFAULT_CLIENT_ID,
        object_id=_DEFAULT_CLIENT_OBJECT_ID,
        secrets=(ClientSecret.of(DEFAULT_CLIENT_SECRET),),
        roles=("Application.ReadWrite.All", "Synchronization.ReadWrite.All"),
    )
    created = datetime(2026, 1, 1, tzinfo=timezone.utc)
    ids: dict[Kind, str] = {
        "applications": DEFAULT_APPLICATION_ID,
        "servicePrincipals": DEFAULT_SERVICE_PRINCIPAL_ID,
    }
    for kind, id in ids.items():
        state.targets[kind][id] = Target(kind, id, DEFAULT_APP_ID, "Contoso Sales", created)
    principal = state.targets["servicePrincipals"][DEFAULT_SERVICE_PRINCIPAL_ID]
    principal.jobs[_DEFAULT_JOB_ID] = Job(_DEFAULT_JOB_ID, "scim")
    return state
