"""The states of a synchronization job, what changes them, and Graph's representation of the job.

https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationstatus
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..formats import format_time, parse_time
from ..state.model import Job

RESTART_SCOPES = frozenset(
    {
        "None",
        "ConnectorDataStore",
        "Escrows",
        "Watermark",
        "QuarantineState",
        "Full",
        "ForceDeletes",
    }
)
"""Members of `synchronizationJobRestartScope`, joined with commas."""

INVALID_CREDENTIALS = "EncounteredQuarantineException"
"""The `reason` of a quarantine because of refused credentials."""

_NEVER = "0001-01-01T00:00:00Z"
# https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
_RETRY_HOURS = (6, 12, 24)
_DISABLED_AFTER = timedelta(weeks=4)
_COUNTS = (
    "countEntitled",
    "countEntitledForProvisioning",
    "countEscrowed",
    "countEscrowedRaw",
    "countExported",
    "countExports",
    "countImported",
    "countImportedDeltas",
    "countImportedReferenceDeltas",
)


def update_code(job: Job, *, authorized: bool, code_before_first_run: str) -> None:
    """Sets the job's code to what the rest of its state implies."""
    if not authorized:
        job.code, job.quarantine = "NotConfigured", None
    elif job.schedule_state == "Paused":
        job.code = "Paused"
    elif job.quarantine is not None:
        job.code = "Quarantine"
    else:
        job.code = "Active" if job.last_success else code_before_first_run


def start(job: Job) -> None:
    """Starts the job and ends its quarantine.

    https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-start
    """
    job.schedule_state = "Active"
    job.quarantine = None


def pause(job: Job) -> None:
    """Pauses the job and keeps its state, including a quarantine.

    https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-pause
    """
    job.schedule_state = "Paused"


def disable_if_overdue(job: Job, now: datetime, code: str) -> None:
    """Disables a job after four weeks in quarantine. The quarantine stays.

    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status
    """
    if job.quarantine is None or job.schedule_state != "Active":
        return
    since = job.quarantine.get("restarted", job.quarantine["began"])
    if now - parse_time(since) >= _DISABLED_AFTER:
        job.schedule_state, job.code = "Disabled", code


def restart(job: Job, scopes: frozenset[str], now: datetime) -> None:
    """Starts the job again and resets what the scopes name.

    Without a scope it resets what the portal's "Restart provisioning" does.

    https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria
    """
    if not scopes:
        scopes = frozenset({"QuarantineState", "Watermark", "Escrows"})
    job.schedule_state = "Active"
    # None "starts a paused or quarantined provisioning job", as start does.
    if scopes & {"Full", "QuarantineState", "None"}:
        job.quarantine = None
    if job.quarantine is not None:
        job.quarantine["restarted"] = format_time(now)
    if scopes & {"Full", "Watermark"}:
        job.last_success, job.steady_since = None, None


def succeed(job: Job, now: datetime) -> None:
    """Ends a cycle with success, which ends a quarantine."""
    job.quarantine, job.failures = None, 0
    job.last_execution = job.last_success = {"began": format_time(now), "state": "Succeeded"}
    job.steady_since = job.steady_since or format_time(now)


def fail(job: Job, now: datetime, code: str, message: str) -> None:
    """Ends a cycle in quarantine, because the target refused the credentials."""
    refusal = {"error": code, "message": message}
    series = 1 if job.quarantine is None else job.quarantine.get("count", 1) + 1
    wait = timedelta(hours=_RETRY_HOURS[min(series, len(_RETRY_HOURS)) - 1])
    job.failures += 1
    job.last_execution = {"began": format_time(now), "state": "Failed", **refusal}
    job.quarantine = {
        "began": format_time(now),
        **(job.quarantine or {}),
        "next": format_time(now + wait),
        "reason": INVALID_CREDENTIALS,
        "count": series,
        **refusal,
    }


def graph_job(job: Job) -> dict[str, Any]:
    """Graph's `synchronizationJob`."""
    steady = job.steady_since or _NEVER
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
            "countSuccessiveCompleteFailures": job.failures,
            "escrowsPruned": False,
            "lastExecution": _execution(job.last_execution),
            "lastSuccessfulExecution": _execution(job.last_success),
            "lastSuccessfulExecutionWithExports": None,
            "quarantine": _quarantine(job),
            "steadyStateFirstAchievedTime": steady,
            "steadyStateLastAchievedTime": job.last_success["began"]
            if job.last_success and job.steady_since
            else steady,
            "troubleshootingUrl": None,
            "progress": [],
            "synchronizedEntryCountByType": [],
        },
        "synchronizationJobSettings": [],
    }


def _execution(execution: Mapping[str, str] | None) -> dict[str, Any] | None:
    if execution is None:
        return None
    return {
        "activityIdentifier": str(uuid.uuid5(uuid.NAMESPACE_OID, execution["began"])),
        **dict.fromkeys(_COUNTS, 0),
        "error": _error(execution),
        "state": execution["state"],
        "timeBegan": execution["began"],
        "timeEnded": execution["began"],
    }


def _quarantine(job: Job) -> dict[str, Any] | None:
    if job.quarantine is None:
        return None
    began = job.quarantine["began"]
    return {
        "currentBegan": began,
        "nextAttempt": job.quarantine.get("next", began),
        "reason": job.quarantine["reason"],
        "seriesBegan": began,
        "seriesCount": job.quarantine.get("count", 1),
        "error": _error(job.quarantine),
    }


def _error(occurrence: Mapping[str, Any]) -> dict[str, Any] | None:
    if "error" not in occurrence:
        return None
    return {
        "code": occurrence["error"],
        "message": occurrence.get("message", ""),
        "tenantActionable": True,
    }


def provisioning_result(
    object_id: str, object_type: str, tag: str, now: datetime, refusal: tuple[str, str] | None
) -> dict[str, str]:
    """Graph's `stringKeyStringValuePair` about an object provisioned on demand: two JSON texts.

    https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand
    """
    result = "Success" if refusal is None else "Failure"
    details = {} if refusal is None else {"errorCode": refusal[0], "errorMessage": refusal[1]}
    time = format_time(now)
    step = {
        "name": "EntryExportAdd",
        "type": "Export",
        "status": result,
        "description": f"{object_type} '{object_id}' was given to the emulated {tag}.",
        "timestamp": time,
        "details": {},
    }
    log = {
        "action": "Create" if refusal is None else "Other",
        "changeId": str(uuid.uuid4()),
        "startTime": time,
        "endTime": time,
        "modifiedProperties": [],
        "provisioningSteps": [step],
        "reportableIdentifier": object_id,
        "statusInfo": {"status": result, "errorCode": details.get("errorCode")},
        "sourceIdentity": {"id": object_id, "type": object_type},
        "sourceSystem": {"id": None, "name": "Microsoft Entra ID"},
        "targetIdentity": {"id": "", "type": object_type},
        "targetSystem": {"id": None, "name": tag},
    }
    return {
        "key": json.dumps({"result": result, "details": details}, separators=(",", ":")),
        "value": json.dumps(log, separators=(",", ":")),
    }
