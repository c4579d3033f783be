"""The synchronization jobs of a tenant's objects."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from ..formats import format_time
from ..state.model import DirectoryObject, Job, Kind
from . import gallery, jobs
from .errors import NotFoundError, SynchronizationError
from .gallery import GALLERY
from .operations import Operations
from .secret_keys import SETTING_KEYS

_SCHEDULE_STATES = {"Active": "Active", "Paused": "Paused", "Quarantine": "Active"}


class JobOperations(Operations):
    """Creates, starts, pauses, restarts and deletes jobs."""

    def create_job(
        self, id: str, template_id: str, *, kind: Kind = "servicePrincipals"
    ) -> dict[str, Any]:
        """A new `synchronizationJob`, disabled; not configured if there are no credentials.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-post-jobs
        """
        with self._changing() as state:
            target = self._find(kind, id)
            self._known_template(target, template_id)
            job_id = f"{template_id}.{state.tenant_id.replace('-', '')}.{uuid.uuid4()}"
            target.jobs[job_id] = Job(job_id, template_id)
            self._update_job(target, target.jobs[job_id])
            return jobs.graph_job(target.jobs[job_id])

    def jobs(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `synchronizationJob`s of the object, oldest first."""
        with self._reading():
            return [jobs.graph_job(job) for job in self._jobs(self._find(kind, id)).values()]

    def job(self, kind: Kind, id: str, job_id: str) -> dict[str, Any]:
        """Graph's `synchronizationJob` of that id."""
        with self._reading():
            return jobs.graph_job(self._job(self._find(kind, id), job_id))

    def start_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Starts the job and ends its quarantine."""
        with self._changing():
            target = self._find(kind, id)
            job = self._job(target, job_id)
            jobs.start(job)
            self._update_job(target, job)

    def pause_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Pauses the job and keeps its state."""
        with self._changing():
            target = self._find(kind, id)
            job = self._job(target, job_id)
            jobs.pause(job)
            self._update_job(target, job)

    def restart_job(self, kind: Kind, id: str, job_id: str, reset_scope: str = "") -> None:
        """Starts the job again and resets `reset_scope`, such as "Watermark, QuarantineState".

        https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-restart
        """
        scopes = frozenset(name.strip() for name in reset_scope.split(",") if name.strip())
        if scopes - jobs.RESTART_SCOPES:
            raise SynchronizationError(
                self._assumptions.unknown_scope_error, "There is no such resetScope."
            )
        with self._changing():
            target = self._find(kind, id)
            job = self._job(target, job_id)
            last_success = job.last_success
            jobs.restart(job, scopes, self._now())
            if not self._assumptions.restart_forgets_the_first_run:
                job.last_success = last_success
            self._update_job(target, job)

    def delete_job(self, kind: Kind, id: str, job_id: str) -> None:
        """Deletes the job and keeps the secrets."""
        with self._changing():
            target = self._find(kind, id)
            del target.jobs[self._job(target, job_id).id]

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
        """Sets `status.code` of one job, or of all; with a `reason`, the job is in quarantine.

        Invalid credentials lead to
        `set_job_status(id, "Quarantine", reason="EncounteredQuarantineException")`. The quarantine
        begins now, or at `began`; if that is four weeks ago or more, the job is disabled.
        """
        since = format_time(began or self._now())
        with self._changing():
            known = self._find("servicePrincipals", service_principal_id).jobs
            for job in known.values() if job_id is None else [known[job_id]]:
                job.code = code
                job.schedule_state = _SCHEDULE_STATES.get(code, job.schedule_state)
                job.quarantine = None
                if reason is not None:
                    job.quarantine = {"reason": reason, "began": since}
                    if error_code is not None:
                        job.quarantine["error"] = error_code

    def _jobs(self, target: DirectoryObject) -> dict[str, Job]:
        """The target's jobs by id, disabled if their quarantine has lasted too long."""
        for job in target.jobs.values():
            jobs.disable_if_overdue(job, self._now(), self._assumptions.status_when_disabled)
        return target.jobs

    def _job(self, target: DirectoryObject, job_id: str) -> Job:
        job = self._jobs(target).get(job_id)
        if job is None:
            raise NotFoundError(job_id)
        return job

    def _update_jobs(self, target: DirectoryObject) -> None:
        authorized = bool(target.secrets.keys() - SETTING_KEYS)
        if not authorized:
            target.authorized = None
        for job in target.jobs.values():
            if not authorized or job.code == "NotConfigured":
                self._update_job(target, job)

    def _update_job(self, target: DirectoryObject, job: Job) -> None:
        jobs.update_code(
            job,
            authorized=bool(target.secrets.keys() - SETTING_KEYS),
            code_before_first_run=self._assumptions.status_when_authorized,
        )

    def _tags(self, target: DirectoryObject) -> tuple[str, ...]:
        template = GALLERY.get(target.template_id or gallery.NON_GALLERY_ID)
        if template is None or template.id == gallery.NON_GALLERY_ID:
            return self._assumptions.custom_templates
        return template.tags

    def _known_template(self, target: DirectoryObject, template_id: str) -> None:
        if template_id not in self._tags(target):
            raise SynchronizationError(
                self._assumptions.unknown_template_error,
                "The template is none of this application's.",
            )
