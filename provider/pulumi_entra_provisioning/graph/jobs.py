"""Synchronization jobs: what keeps one from provisioning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from msgraph.generated.models.quarantine_reason import QuarantineReason
from msgraph.generated.models.synchronization_schedule_state import SynchronizationScheduleState
from msgraph.generated.models.synchronization_status_code import SynchronizationStatusCode

from ..redaction.secrets import Secrets
from ..redaction.shown import shown_code, shown_id
from .documents import enumerated, member, required

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)


@dataclass(frozen=True)
class Template:
    """A synchronization template of an application: what a job can be made of.

    https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationtemplate
    """

    id: str
    """Id, which a synchronization job takes as its template."""

    factory_tag: str
    """The implementation that the synchronization service uses for its jobs."""

    is_default: bool
    """Whether it is recommended for the application."""


@dataclass(frozen=True)
class Job:
    """A synchronization job as Graph has it, without the texts of its errors.

    https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationstatus
    """

    id: str
    """Id of the job."""

    template_id: str
    """Id of its synchronization template."""

    state: str
    """Whether it runs on its schedule: `Active`, `Paused` or `Disabled`."""

    code: str
    """Its status, such as `Active`, `Paused`, `Quarantine` or `NotConfigured`."""

    last_run: str | None
    """When its last run ended: RFC 3339, UTC."""

    last_result: str | None
    """How its last run ended: `Succeeded`, `Failed` or `EntryLevelErrors`."""

    last_error: str | None
    """Code of the error of its last run."""

    quarantine: Quarantine | None
    """The quarantine that it is in."""


@dataclass(frozen=True)
class Quarantine:
    """A synchronization job in quarantine."""

    job_id: str
    """Id of the job."""

    reason: str
    """Code of its error, or Graph's `quarantineReason`."""

    is_for_credentials: bool
    """Whether it is in quarantine for its credentials."""

    is_disabled: bool
    """Whether Entra disabled the job, and so does not retry it."""

    def __str__(self) -> str:
        disabled = ", disabled" if self.is_disabled else ""
        job = f"job {self.job_id}" if self.job_id else "a job"
        return f"{job}, {self.reason}{disabled}"


def quarantine_of(job: dict[str, Any], secrets: Secrets) -> Quarantine | None:
    """The quarantine of a job; one that lasts four weeks disables the job.

    Whether a disabled job keeps its quarantine is not documented: one that Entra disabled has
    failed until then, one that nobody ever started has not.
    """
    job_id = required(job, "id")
    schedule = member(job, "schedule", dict) or {}
    disabled = enumerated(schedule, "state") == SynchronizationScheduleState.Disabled
    if (status := member(job, "status", dict)) is None:
        return None
    quarantine = member(status, "quarantine", dict)
    code = enumerated(status, "code")
    failed = bool(member(status, "countSuccessiveCompleteFailures", int))
    in_quarantine = quarantine is not None or code == SynchronizationStatusCode.Quarantine
    if not in_quarantine and not (disabled and failed):
        return None
    reason = enumerated(quarantine or {}, "reason") or QuarantineReason.Unknown.name
    error = member(quarantine or {}, "error", dict) or {}
    for_credentials = reason == QuarantineReason.EncounteredQuarantineException
    error_code = shown_code(member(error, "code", str) or "", secrets)
    shown_reason = shown_code(reason, secrets) or QuarantineReason.Unknown.name
    return Quarantine(
        shown_id(job_id, secrets), error_code or shown_reason, for_credentials, disabled
    )


def template_of(document: dict[str, Any], secrets: Secrets) -> Template:
    """The template that a document of Graph describes."""
    return Template(
        shown_id(required(document, "id"), secrets),
        shown_id(member(document, "factoryTag", str) or "", secrets),
        document.get("default") is True,
    )


def job_of(document: dict[str, Any], secrets: Secrets) -> Job:
    """The job that a document of Graph describes."""
    status = member(document, "status", dict) or {}
    run = member(status, "lastExecution", dict) or {}
    error = member(run, "error", dict) or {}
    ended = member(run, "timeEnded", str) or ""
    return Job(
        id=shown_id(required(document, "id"), secrets),
        template_id=shown_id(member(document, "templateId", str) or "", secrets),
        state=shown_code(enumerated(member(document, "schedule", dict) or {}, "state"), secrets),
        code=shown_code(enumerated(status, "code"), secrets),
        last_run=ended if _MOMENT.fullmatch(ended) else None,
        last_result=shown_code(enumerated(run, "state"), secrets) or None,
        last_error=shown_code(member(error, "code", str) or "", secrets) or None,
        quarantine=quarantine_of(document, secrets),
    )
