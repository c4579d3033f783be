"""Synchronization jobs: what keeps one from provisioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgraph.generated.models.quarantine_reason import QuarantineReason
from msgraph.generated.models.synchronization_schedule_state import SynchronizationScheduleState
from msgraph.generated.models.synchronization_status_code import SynchronizationStatusCode

from ..redaction.secrets import Secrets
from ..redaction.shown import shown_code, shown_id
from .documents import enumerated, member, required


@dataclass(frozen=True)
class Quarantine:
    """A synchronization job in quarantine.

    `reason` is the code of its error, or Graph's `quarantineReason`. `is_disabled` means that
    Entra does not retry it.
    """

    job_id: str
    reason: str
    is_for_credentials: bool
    is_disabled: bool

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
