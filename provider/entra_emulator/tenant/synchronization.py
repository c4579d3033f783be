"""The synchronization service of a tenant: authorization, secrets, validation, provisioning."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..assumptions import Assumptions, CredentialsProblem
from ..formats import format_time
from ..state.model import DirectoryObject, Kind, digest
from ..state.store import Store
from ..third_party.authorization_server import ThirdParty, ThirdPartyError
from . import gallery, jobs
from .errors import (
    CredentialsRefusedError,
    NotFoundError,
    SynchronizationError,
    UnknownKeyError,
)
from .gallery import GALLERY
from .job_operations import JobOperations
from .secret_keys import SECRET_KEYS, SETTING_KEYS

Pairs = Mapping[str, str | None] | Iterable[tuple[str, str | None]]
"""Keys and values, as a mapping or as pairs, of which the last one of a key counts.

None means "".
"""


@dataclass(frozen=True)
class AuthorizedObject:
    """An object that the provisioning service holds credentials for. Graph does not show this."""

    kind: Kind
    id: str
    display_name: str
    authorized_at: datetime
    keys: tuple[str, ...]


class Synchronization(JobOperations):
    """The synchronization of every object of a tenant."""

    def __init__(self, store: Store, assumptions: Assumptions) -> None:
        super().__init__(store, assumptions)
        self.third_party = ThirdParty(store)

    # Authorization

    def acquire_access_token(self, kind: Kind, id: str, pairs: Pairs) -> None:
        """Authorizes the provisioning service to access the target with these credentials.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
        """
        assumed = self._assumptions
        with self._changing():
            target = self._find(kind, id)
            given = self._checked(pairs)
            obtained = self._obtain(target, given)
            if not assumed.stores_authorization_code:
                given.pop("Oauth2AuthorizationCode", None)
            _merge(target.secrets, given | obtained)
            target.authorized = self._now()
            self._update_jobs(target)
            if assumed.authorization_lifts_quarantine:
                for job in target.jobs.values():
                    if job.quarantine is not None:
                        job.code, job.quarantine = assumed.status_when_authorized, None

    def authorizations(self) -> list[AuthorizedObject]:
        """The objects with credentials, on which acquireAccessToken has succeeded."""
        with self._reading() as state:
            return [
                AuthorizedObject(
                    item.kind, item.id, item.display_name, item.authorized, tuple(item.secrets)
                )
                for objects in state.objects.values()
                for item in objects.values()
                if item.authorized is not None
            ]

    def _obtain(self, target: DirectoryObject, given: Mapping[str, str]) -> dict[str, str]:
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
            raise SynchronizationError(
                assumed.unreachable_token_endpoint_error, "There is no such token endpoint."
            )
        if code and assumed.authorization_code_works_once:
            spent = self._store.state.spent_codes
            if digest(code) in spent:
                raise SynchronizationError(
                    assumed.spent_code_error, "The authorization code has been used."
                )
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
            raise SynchronizationError(self._exchange_error(error), error.description) from None
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
            "Oauth2AccessTokenCreationTime": format_time(self._now()),
            "Oauth2RefreshToken": refresh_token,
        }
        values = {key: issued.get(key, access_token) for key in self._assumptions.issued_keys}
        return {key: value for key, value in values.items() if value is not None}

    def _token_url(self, target: DirectoryObject, secrets: Mapping[str, str]) -> str:
        named = secrets.get("Oauth2TokenExchangeUri", "")
        template = GALLERY.get(target.template_id or "")
        if named or template is None or not template.is_oauth:
            return named
        return self.third_party.token_url

    # Secrets

    def secrets(self, kind: Kind, id: str) -> dict[str, str]:
        """The saved values, unmasked, in the order in which their keys arrived."""
        with self._reading():
            return dict(self._find(kind, id).secrets)

    def masked_secrets(self, kind: Kind, id: str) -> dict[str, str]:
        """The saved values as Graph answers them: "*" for a sensitive one."""
        masked = self._assumptions.masked_keys
        return {k: "*" if k in masked else v for k, v in self.secrets(kind, id).items()}

    def put_secrets(self, kind: Kind, id: str, pairs: Pairs) -> None:
        """Saves these values; "" removes its key.

        https://learn.microsoft.com/graph/api/synchronization-serviceprincipal-put-synchronization
        """
        with self._changing():
            target = self._find(kind, id)
            given = self._checked(pairs)
            if not self._assumptions.put_merges:
                target.secrets.clear()
            _merge(target.secrets, given)
            self._update_jobs(target)

    def _checked(self, pairs: Pairs) -> dict[str, str]:
        """The pairs as a mapping.

        TenantError if a key is unknown, or empty although it must have a value.
        """
        given = {key: value or "" for key, value in dict(pairs).items()}
        for key, value in given.items():
            if key not in SECRET_KEYS:
                raise UnknownKeyError(key)
            if not value and key in self._assumptions.unemptiable_keys:
                raise SynchronizationError(self._assumptions.empty_setting_error)
        return given

    # Validation of credentials

    def validate_credentials(
        self,
        kind: Kind,
        id: str,
        pairs: Pairs | None = None,
        *,
        job_id: str | None = None,
        template_id: str | None = None,
    ) -> None:
        """CredentialsRefusedError if the third party refuses them. None means the saved ones.

        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials
        """
        with self._changing():
            target = self._find(kind, id)
            if job_id is not None:
                self._job(target, job_id)
            if template_id is not None:
                self._known_template(target, template_id)
            given = dict(target.secrets) if pairs is None else self._checked(pairs)
            problem = self._problem(target, given)
        if problem is not None:
            raise problem

    def _problem(
        self, target: DirectoryObject, secrets: dict[str, str]
    ) -> CredentialsRefusedError | None:
        """Why the third party refuses these secrets. Renews an expired access token in them."""
        party = self.third_party
        if not secrets.keys() - SETTING_KEYS:
            return _refused("There are no credentials.")
        address = secrets.get("BaseAddress", "")
        if party.is_at(address) and not party.has_scim_endpoint_at(address):
            return _refused("There is no SCIM endpoint at the address.", "incompatible_target")
        if party.has_token_endpoint_at(self._token_url(target, secrets)):
            return self._renewal_problem(secrets)
        if party.is_at(address):
            token = secrets.get("SecretToken") or secrets.get("Oauth2AccessToken", "")
            return None if party.accepts(token) else _refused("The token is not accepted.")
        if any(map(party.refuses, secrets.values())):
            return _refused("The credentials are not accepted.")
        if not self._assumptions.foreign_credentials_are_valid:
            return _refused("The target does not answer.", "unreachable_target")
        return None

    def _renewal_problem(self, secrets: dict[str, str]) -> CredentialsRefusedError | None:
        token = secrets.get("Oauth2AccessToken", "")
        if not token:
            # Saved client credentials alone do not lead to a first token.
            return _refused("There is no access token.")
        if self.third_party.accepts(token):
            return None
        form = _client_form(secrets)
        if "Oauth2RefreshToken" in secrets:
            form |= {"grant_type": "refresh_token", "refresh_token": secrets["Oauth2RefreshToken"]}
        else:
            form |= {"grant_type": "client_credentials"}
        try:
            tokens = self.third_party.token(form)
        except ThirdPartyError as error:
            return _refused(error.description)
        _merge(secrets, self._issued(tokens["access_token"], tokens.get("refresh_token")))
        return None

    def _service_code(self, problem: CredentialsProblem) -> str:
        """The synchronization service's own code for a problem with credentials."""
        return self._assumptions.credentials_refusal(problem).code

    # Templates

    def synchronization_templates(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `synchronizationTemplate`s of the object.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-list-templates
        """
        with self._reading():
            target = self._find(kind, id)
        template = GALLERY.get(target.template_id or "")
        urls = None
        if template is not None and template.is_oauth:
            urls = (self.third_party.authorization_url, self.third_party.token_url)
        return [
            gallery.synchronization_template(tag, target.template_id, urls)
            for tag in self._tags(target)
        ]

    def synchronization_template(self, kind: Kind, id: str, template_id: str) -> dict[str, Any]:
        """Graph's `synchronizationTemplate` of that id."""
        for template in self.synchronization_templates(kind, id):
            if template["id"] == template_id:
                return template
        raise NotFoundError(template_id)

    # What jobs do with the credentials

    def provision_on_demand(
        self, kind: Kind, id: str, job_id: str, object_id: str, object_type: str
    ) -> dict[str, str]:
        """Graph's `stringKeyStringValuePair` with the result of provisioning one object."""
        with self._changing():
            target = self._find(kind, id)
            job = self._job(target, job_id)
            if job.code == "NotConfigured":
                raise SynchronizationError(
                    self._assumptions.not_configured_error, "There are no credentials."
                )
            problem = self._problem(target, target.secrets)
            refusal = (
                None if problem is None else (self._service_code(problem.problem), problem.message)
            )
            return jobs.provisioning_result(
                object_id, object_type, job.template_id, self._now(), refusal
            )

    def run_cycle(self, service_principal_id: str) -> list[dict[str, Any]]:
        """Runs one cycle of every job that is started and has credentials; returns all jobs.

        A job goes into quarantine if the third party refuses the credentials, and leaves it if not.
        """
        with self._changing():
            target = self._find("servicePrincipals", service_principal_id)
            for job in self._jobs(target).values():
                if job.schedule_state == "Active" and job.code != "NotConfigured":
                    problem = self._problem(target, target.secrets)
                    if problem is None:
                        jobs.succeed(job, self._now())
                    else:
                        code = self._service_code(problem.problem)
                        jobs.fail(job, self._now(), code, problem.message)
                    self._update_job(target, job)
            return [jobs.graph_job(job) for job in target.jobs.values()]


def _refused(
    message: str, problem: CredentialsProblem = "invalid_credentials"
) -> CredentialsRefusedError:
    return CredentialsRefusedError(problem, message)


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
