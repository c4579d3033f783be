"""What the provisioning service keeps and does: secrets, authorization, templates, jobs."""

from __future__ import annotations

import secrets as randomness
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import jobs, templates
from .assumptions import Assumptions, NestedRefusal
from .graph_errors import GraphError, nested, not_found
from .secret_keys import SECRET_KEYS, SETTING_KEYS
from .state import Job, Kind, Target, digest, timestamp
from .store import Part, Store
from .templates import GALLERY
from .third_party import ThirdParty, ThirdPartyError

Pairs = Mapping[str, str | None] | Iterable[tuple[str, str | None]]
"""Keys and values as a mapping or as pairs, in which a later pair counts.

None is the same as "".
"""

_SCHEDULE_STATES = {"Active": "Active", "Paused": "Paused", "Quarantine": "Active"}


@dataclass(frozen=True)
class Authorization:
    """A target that the provisioning service holds credentials for. Not visible through Graph."""

    kind: Kind
    id: str
    display_name: str
    authorized_at: datetime
    keys: tuple[str, ...]


class Synchronization(Part):
    """The synchronization of every object of a tenant."""

    def __init__(self, store: Store, assumptions: Assumptions) -> None:
        super().__init__(store, assumptions)
        self.third_party = ThirdParty(store, assumptions)

    # Authorization

    def acquire_access_token(self, kind: Kind, id: str, pairs: Pairs) -> None:
        """Authorizes the provisioning service against the target, with these credentials.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        assumed = self._assumptions
        with self._changing():
            target = self._target(kind, id)
            given = self._checked(pairs)
            obtained = self._obtain(target, given)
            if not assumed.stores_authorization_code:
                given.pop("Oauth2AuthorizationCode", None)
            _merge(target.secrets, given | obtained)
            target.authorized = self._now()
            self._settle_new_secrets(target)
            if assumed.authorization_lifts_quarantine:
                for job in target.jobs.values():
                    if job.quarantine is not None:
                        job.code, job.quarantine = assumed.status_when_authorized, None

    def authorizations(self) -> list[Authorization]:
        """The targets that acquireAccessToken succeeded on and that still hold credentials."""
        with self._reading() as state:
            return [
                Authorization(t.kind, t.id, t.display_name, t.authorized, tuple(t.secrets))
                for targets in state.targets.values()
                for t in targets.values()
                if t.authorized is not None
            ]

    def _obtain(self, target: Target, given: Mapping[str, str]) -> dict[str, str]:
        """The tokens that the credentials are exchanged for, as secrets."""
        assumed = self._assumptions
        code = given.get("Oauth2AuthorizationCode")
        is_client_alone = not code and bool(given.get("Oauth2ClientId"))
        if not any(map(given.get, assumed.exchange_keys)) and not (
            is_client_alone and assumed.client_credentials_are_exchanged
        ):
            return {}
        known = {**target.secrets, **given} if assumed.exchange_uses_saved_secrets else given
        token_url = self._token_url(target, known)
        if self.third_party.has_token_endpoint_at(token_url):
            return self._exchange(known, given)
        if self.third_party.is_at(token_url) or not assumed.foreign_codes_are_accepted:
            raise nested(
                assumed.unreachable_token_endpoint_error, "There is no such token endpoint."
            )
        if code and assumed.authorization_code_works_once:
            spent = self._store.state.spent_codes
            if digest(code) in spent:
                raise nested(assumed.spent_code_error, "The authorization code has been used.")
            spent.add(digest(code))
        access_token = f"emulated-{randomness.token_urlsafe(24)}"
        # https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3
        if is_client_alone:
            return self._issued(access_token, None)
        return self._issued(access_token, f"emulated-{randomness.token_urlsafe(24)}")

    def _exchange(self, known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
        form = _client_form(known)
        if given.get("Oauth2AuthorizationCode"):
            form |= {
                "grant_type": "authorization_code",
                "code": given["Oauth2AuthorizationCode"],
                "redirect_uri": known.get("Oauth2RedirectUri", ""),
            }
        elif given.get("Oauth2RefreshToken"):
            form |= {"grant_type": "refresh_token", "refresh_token": given["Oauth2RefreshToken"]}
        else:
            form |= {"grant_type": "client_credentials"}
        try:
            answer = self.third_party.token(form)
        except ThirdPartyError as error:
            raise nested(self._exchange_error(error), error.description) from None
        return self._issued(answer["access_token"], answer.get("refresh_token"))

    def _exchange_error(self, error: ThirdPartyError) -> str:
        if error.error == "invalid_grant":
            return self._assumptions.refused_code_error
        if error.error == "invalid_client":
            return self._assumptions.refused_client_error
        return self._assumptions.refused_exchange_error

    def _issued(self, access_token: str, refresh_token: str | None) -> dict[str, str]:
        issued = {
            "Oauth2AccessToken": access_token,
            "Oauth2AccessTokenCreationTime": timestamp(self._now()),
            "Oauth2RefreshToken": refresh_token,
        }
        values = {key: issued.get(key, access_token) for key in self._assumptions.issued_keys}
        return {key: value for key, value in values.items() if value is not None}

    def _token_url(self, target: Target, secrets: Mapping[str, str]) -> str:
        named = secrets.get("Oauth2TokenExchangeUri", "")
        template = GALLERY.get(target.template_id or "")
        if named or template is None or not template.is_oauth:
            return named
        return self.third_party.token_url

    # Secrets

    def secrets(self, kind: Kind, id: str) -> dict[str, str]:
        """The values that are kept, unmasked, in the order in which their keys came."""
        with self._reading():
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
            self._settle_new_secrets(target)

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

    # Whether credentials are good

    def validate_credentials(
        self,
        kind: Kind,
        id: str,
        pairs: Pairs | None = None,
        *,
        job_id: str | None = None,
        template_id: str | None = None,
    ) -> None:
        """Refuses credentials that the third party does not take; None means those that are kept.

        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials
        """
        with self._changing():
            target = self._target(kind, id)
            if job_id is not None:
                self._job(target, job_id)
            if template_id is not None:
                self._known_template(target, template_id)
            given = dict(target.secrets) if pairs is None else self._checked(pairs)
            problem = self._problem(target, given)
        if problem is not None:
            refusal, message = problem
            raise nested(refusal.code, message, outer=refusal.outer, status=refusal.status)

    def _problem(self, target: Target, secrets: dict[str, str]) -> tuple[NestedRefusal, str] | None:
        """Why the third party does not take these secrets. An access token in them is renewed."""
        assumed, party = self._assumptions, self.third_party
        if not secrets.keys() - SETTING_KEYS:
            return assumed.invalid_credentials, "There are no credentials."
        address = secrets.get("BaseAddress", "")
        if party.is_at(address) and not party.has_scim_endpoint_at(address):
            return assumed.incompatible_target, "There is no SCIM endpoint at the address."
        if party.has_token_endpoint_at(self._token_url(target, secrets)):
            return self._renewal_problem(secrets)
        if party.is_at(address):
            token = secrets.get("SecretToken") or secrets.get("Oauth2AccessToken", "")
            if not party.accepts(token):
                return assumed.invalid_credentials, "The token is not accepted."
            return None
        if any(map(party.refuses, secrets.values())):
            return assumed.invalid_credentials, "The credentials are not accepted."
        if not assumed.foreign_credentials_are_valid:
            return assumed.unreachable_target, "The target does not answer."
        return None

    def _renewal_problem(self, secrets: dict[str, str]) -> tuple[NestedRefusal, str] | None:
        refused = self._assumptions.invalid_credentials
        token = secrets.get("Oauth2AccessToken", "")
        if not token:
            # Saved client credentials alone are known to fetch no first token.
            return refused, "There is no access token."
        if self.third_party.accepts(token):
            return None
        form = _client_form(secrets)
        if "Oauth2RefreshToken" in secrets:
            form |= {"grant_type": "refresh_token", "refresh_token": secrets["Oauth2RefreshToken"]}
        else:
            form |= {"grant_type": "client_credentials"}
        try:
            answer = self.third_party.token(form)
        except ThirdPartyError as error:
            return refused, error.description
        _merge(secrets, self._issued(answer["access_token"], answer.get("refresh_token")))
        return None

    # Templates

    def synchronization_templates(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `synchronizationTemplate`s of the object.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-list-templates
        """
        with self._reading():
            target = self._target(kind, id)
        template = GALLERY.get(target.template_id or "")
        urls = None
        if template is not None and template.is_oauth:
            urls = (self.third_party.authorization_url, self.third_party.token_url)
        return [
            templates.synchronization_template(tag, target.template_id, urls)
            for tag in self._tags(target)
        ]

    def synchronization_template(self, kind: Kind, id: str, template_id: str) -> dict[str, Any]:
        """Graph's `synchronizationTemplate` of that id."""
        for template in self.synchronization_templates(kind, id):
            if template["id"] == template_id:
                return template
        raise not_found(template_id)

    def _tags(self, target: Target) -> tuple[str, ...]:
        template = GALLERY.get(target.template_id or templates.NON_GALLERY_ID)
        if template is None or template.id == templates.NON_GALLERY_ID:
            return self._assumptions.custom_templates
        return template.tags

    def _known_template(self, target: Target, template_id: str) -> None:
        if template_id not in self._tags(target):
            raise nested(
                self._assumptions.unknown_template_error,
                "The template is none of this application's.",
            )

    # Jobs

    def create_job(
        self, id: str, template_id: str, *, kind: Kind = "servicePrincipals"
    ) -> dict[str, Any]:
        """Graph's `synchronizationJob`, disabled; not configured if there are no credentials.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-post-jobs
        """
        with self._changing() as state:
            target = self._target(kind, id)
            self._known_template(target, template_id)
            job_id = f"{template_id}.{state.tenant_id.replace('-', '')}.{uuid.uuid4()}"
            target.jobs[job_id] = Job(job_id, template_id)
            self._settle(target, target.jobs[job_id])
            return jobs.document(target.jobs[job_id])

    def jobs(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `synchronizationJob`s of the object, oldest first."""
        with self._reading():
            return [jobs.document(job) for job in self._jobs(self._target(kind, id)).values()]

    def job(self, kind: Kind, id: str, job_id: str) -> dict[str, Any]:
        """Graph's `synchronizationJob` of that id."""
        with self._reading():
            return jobs.document(self._job(self._target(kind, id), job_id))

    def start_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Lets the job run, out of quarantine."""
        with self._changing():
            target = self._target(kind, id)
            job = self._job(target, job_id)
            jobs.start(job)
            self._settle(target, job)

    def pause_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Stops the job and keeps its state."""
        with self._changing():
            target = self._target(kind, id)
            job = self._job(target, job_id)
            jobs.pause(job)
            self._settle(target, job)

    def restart_job(self, kind: Kind, id: str, job_id: str, reset_scope: str = "") -> None:
        """Lets the job run from what `reset_scope` leaves, e.g. "Watermark, QuarantineState".

        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-restart
        """
        scopes = frozenset(name.strip() for name in reset_scope.split(",") if name.strip())
        if scopes - jobs.RESTART_SCOPES:
            raise nested(self._assumptions.unknown_scope_error, "There is no such resetScope.")
        with self._changing():
            target = self._target(kind, id)
            job = self._job(target, job_id)
            last_success = job.last_success
            jobs.restart(job, scopes, self._now())
            if not self._assumptions.restart_forgets_the_first_run:
                job.last_success = last_success
            self._settle(target, job)

    def delete_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Removes the job, and no secret."""
        with self._changing():
            target = self._target(kind, id)
            del target.jobs[self._job(target, job_id).id]

    def provision_on_demand(
        self, kind: Kind, id: str, job_id: str, object_id: str, object_type: str
    ) -> dict[str, str]:
        """Graph's `stringKeyStringValuePair` that tells how one object was provisioned."""
        with self._changing():
            target = self._target(kind, id)
            job = self._job(target, job_id)
            if job.code == "NotConfigured":
                raise nested(self._assumptions.not_configured_error, "There are no credentials.")
            problem = self._problem(target, target.secrets)
            refusal = None if problem is None else (problem[0].code, problem[1])
            return jobs.provisioned(object_id, object_type, job.template_id, self._now(), refusal)

    def run_cycle(self, service_principal_id: str) -> list[dict[str, Any]]:
        """Runs one cycle of every job that is started and has credentials; all jobs afterwards.

        Credentials that the third party refuses quarantine the job, good ones lift a quarantine.
        """
        with self._changing():
            target = self._target("servicePrincipals", service_principal_id)
            for job in self._jobs(target).values():
                if job.schedule_state == "Active" and job.code != "NotConfigured":
                    problem = self._problem(target, target.secrets)
                    if problem is None:
                        jobs.succeed(job, self._now())
                    else:
                        jobs.fail(job, self._now(), problem[0].code, problem[1])
                    self._settle(target, job)
            return [jobs.document(job) for job in target.jobs.values()]

    def set_job_status(
        self,
        service_principal_id: str,
        code: str,
        *,
        reason: str | None = None,
        error_code: str | None = None,
        began: datetime | None = None,
        job_id: str | None = None,
    ) -> None:
        """Gives one job, or all of the service principal, a `status.code`; `reason` quarantines it.

        `set_job_status(id, "Quarantine", reason="EncounteredQuarantineException")` is what invalid
        credentials lead to. The quarantine began now, or at `began`: four weeks ago or earlier
        gives a disabled job that still has its quarantine.
        """
        since = timestamp(began or self._now())
        with self._changing():
            known = self._target("servicePrincipals", service_principal_id).jobs
            for job in known.values() if job_id is None else [known[job_id]]:
                job.code = code
                job.schedule_state = _SCHEDULE_STATES.get(code, job.schedule_state)
                job.quarantine = None
                if reason is not None:
                    job.quarantine = {"reason": reason, "began": since}
                    if error_code is not None:
                        job.quarantine["error"] = error_code

    def _jobs(self, target: Target) -> dict[str, Job]:
        """The target's jobs by id, as time has left them."""
        for job in target.jobs.values():
            jobs.disable_if_overdue(job, self._now(), self._assumptions.status_when_disabled)
        return target.jobs

    def _job(self, target: Target, job_id: str) -> Job:
        job = self._jobs(target).get(job_id)
        if job is None:
            raise not_found(job_id)
        return job

    def _settle_new_secrets(self, target: Target) -> None:
        authorized = bool(target.secrets.keys() - SETTING_KEYS)
        if not authorized:
            target.authorized = None
        for job in target.jobs.values():
            if not authorized or job.code == "NotConfigured":
                self._settle(target, job)

    def _settle(self, target: Target, job: Job) -> None:
        jobs.settle(
            job,
            authorized=bool(target.secrets.keys() - SETTING_KEYS),
            code_before_first_run=self._assumptions.status_when_authorized,
        )


def _client_form(secrets: Mapping[str, str]) -> dict[str, str]:
    return {
        "client_id": secrets.get("Oauth2ClientId", ""),
        "client_secret": secrets.get("Oauth2ClientSecret", ""),
    }


def _merge(kept: dict[str, str], given: Mapping[str, str]) -> None:
    for key, value in given.items():
        if value:
            kept[key] = value
        else:
            kept.pop(key, None)
