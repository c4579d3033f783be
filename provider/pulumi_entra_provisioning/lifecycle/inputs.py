"""What a program declares: checked, and brought into the one form that every step takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..credentials import NotificationSettings, encoded
from ..errors import SettingsError
from ..graph import secret_keys
from ..graph.target import Kind, Target, parse
from ..remedies import Explained
from ..wire import UNKNOWN
from . import references
from .expiry import moment

DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that create and update may take, and that read and delete always may."""

INPUTS: Final = (
    "application_id",
    "service_principal_id",
    "credentials",
    "triggers",
    "job_id",
    "restart_job",
    "expires_at",
    "timeout",
)

_NOT_DECLARED: Final = (
    "credentials: not declared. Declare those of the imported authorization, which it needs now."
)

TARGET_INPUTS: Final[dict[str, Kind]] = {
    "application_id": "applications",
    "service_principal_id": "servicePrincipals",
}
"""The inputs of which exactly one names the target."""


@dataclass(frozen=True)
class Inputs:
    """Checked inputs. In a preview, what the program does not know yet may be missing.

    `target_input` is the input that names the target. `target` and `credentials` are None while
    they are unknown; a value of `credentials` is a text, a reference, or UNKNOWN. `timeout` is in
    seconds.
    """

    target_input: str
    target: Target | None
    credentials: Mapping[str, Any] | None
    triggers: Any = None
    job_id: str | None = None
    restart_job: bool = False
    expires_at: str | None = None
    timeout: float = DEFAULT_TIMEOUT

    @classmethod
    def of(cls, checked: Mapping[str, Any]) -> Inputs:
        """The inputs that `check` returned, or that the state holds, by their Python names."""
        name = next(name for name in TARGET_INPUTS if checked.get(name) is not None)
        object_id, credentials = checked[name], checked.get("credentials")
        timeout = checked.get("timeout")
        return cls(
            target_input=name,
            target=None if object_id == UNKNOWN else Target(TARGET_INPUTS[name], object_id),
            credentials=credentials if isinstance(credentials, Mapping) else None,
            triggers=checked.get("triggers"),
            job_id=checked.get("job_id"),
            restart_job=checked.get("restart_job") is True,
            expires_at=checked.get("expires_at"),
            timeout=float(timeout) if isinstance(timeout, (int, float)) else DEFAULT_TIMEOUT,
        )

    def known(self) -> tuple[Target, Mapping[str, Any]]:
        """The target and the credentials, which are known in every step of a deployment.

        Raises SettingsError if the program has not declared those of an imported authorization.
        """
        if self.target is None:
            raise ValueError("a deployment with an unknown target")
        if self.credentials is None:
            raise SettingsError([Explained(_NOT_DECLARED, "an-input-is-invalid")])
        return self.target, self.credentials


def target_of(inputs: Mapping[str, Any]) -> Target:
    """The target that `inputs` name. Raises SettingsError if they name none, or two."""
    checked = dict(inputs)
    failures: list[str] = []
    _check_target(checked, failures)
    if failures:
        raise SettingsError(Explained(failure, "an-input-is-invalid") for failure in failures)
    name = next(name for name in TARGET_INPUTS if checked.get(name) is not None)
    return Target(TARGET_INPUTS[name], checked[name])


def check(inputs: Mapping[str, Any], *, imported: bool = False) -> tuple[dict[str, Any], list[str]]:
    """The inputs in their one form, and every reason why they cannot be used.

    Ids become bare lower-case GUIDs, credentials a mapping of key to value. A reason names the
    input and the remedy and holds no value that was declared, as any input may hold a secret by
    mistake. Values that are still unknown pass. What was `imported` may have no credentials yet.
    """
    checked = dict(inputs)
    failures: list[str] = []
    _check_target(checked, failures)
    if not imported or checked.get("credentials") is not None:
        _check_credentials(checked, failures)
    _check_triggers(checked, failures)
    _check_job(checked, failures)
    _check_expiry(checked, failures)
    _check_timeout(checked, failures)
    return checked, failures


def _check_target(inputs: dict[str, Any], failures: list[str]) -> None:
    declared = [name for name in TARGET_INPUTS if inputs.get(name) is not None]
    if not declared:
        failures.append(
            "service_principal_id: no target is declared. Give the object id of the service"
            " principal as service_principal_id, or that of the application as application_id."
        )
    if len(declared) > 1:
        failures.append(
            "application_id and service_principal_id: two targets are declared. Keep the one whose"
            " synchronization job provisions, usually the service principal."
        )
    for name in declared:
        value = inputs[name]
        if value == UNKNOWN:
            continue
        found = parse(value, TARGET_INPUTS[name]) if isinstance(value, str) else None
        if found:
            inputs[name] = found.object_id
        else:
            failures.append(
                f"{name}: not an object id. Give a GUID such as"
                " 11111111-2222-3333-4444-555555555555, or the path"
                f" /{TARGET_INPUTS[name]}/<GUID> that pulumi-azuread has as id."
            )


def _check_credentials(inputs: dict[str, Any], failures: list[str]) -> None:
    declared = encoded(inputs.get("credentials"))
    if declared == UNKNOWN:
        return
    pairs = _pairs(declared)
    if pairs is None:
        failures.append(
            "credentials: must be a mapping of key to value, or Graph's list of"
            ' {"key": …, "value": …}.'
        )
    elif not pairs:
        failures.append(
            "credentials: empty. Declare at least one key with its value, such as SecretToken."
        )
    else:
        for key, value in pairs:
            failures += _pair_problems(key, value)
        known = [key for key, _ in pairs if isinstance(key, str) and key != UNKNOWN]
        failures += [
            f'credentials["{key}"]: declared more than once. Keep one of them.'
            for key in sorted(secret_keys.KEYS.intersection(known))
            if known.count(key) > 1
        ]
        if all(isinstance(key, str) for key, _ in pairs):
            inputs["credentials"] = dict(pairs)


def _pairs(declared: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(declared, Mapping):
        return list(declared.items())
    if not isinstance(declared, list):
        return None
    pairs: list[tuple[Any, Any]] = []
    for item in declared:
        if item == UNKNOWN:
            pairs.append((UNKNOWN, UNKNOWN))
        elif isinstance(item, Mapping) and set(item) - {"@odata.type"} == {"key", "value"}:
            pairs.append((item["key"], item["value"]))
        else:
            return None
    return pairs


def _pair_problems(key: Any, value: Any) -> list[str]:
    if key == UNKNOWN:
        return []
    if not isinstance(key, str) or key not in secret_keys.KEYS:
        return [_unknown_key(key)]
    if value == UNKNOWN:
        return []
    if isinstance(value, Mapping):
        problems = references.problems(value)
        if problems and key == "SyncNotificationSettings":
            fields = ", ".join(sorted(NotificationSettings.__annotations__))
            problems = [f"give a reference, Graph's JSON text, or a mapping of {fields}."]
        return [f'credentials["{key}"]: {problem}' for problem in problems]
    if value is None or value == "":
        return [
            f'credentials["{key}"]: the value is empty, which would remove the key from'
            " Graph. Set a value, or remove the key."
        ]
    if not isinstance(value, str):
        return [
            f'credentials["{key}"]: the value must be text. Give a string, or a reference:'
            " from_environment(…) or from_file(…)."
        ]
    return []


def _unknown_key(key: Any) -> str:
    nearest = secret_keys.nearest(key) if isinstance(key, str) else None
    if nearest and key.lower() == nearest.lower():
        return (
            f'credentials["{key}"]: not a key of Graph. Use "{nearest}": keys are case-sensitive.'
        )
    # What is no key may be a value in the wrong place: it is not repeated here.
    meant = f' Did you mean "{nearest}"?' if nearest else ""
    return (
        "credentials: Graph does not know one of the keys. It is not shown, because it may be a"
        f" secret.{meant} Use the keys of https://learn.microsoft.com/graph/api/resources/"
        "synchronization-synchronizationsecretkeystringvaluepair."
    )


def _check_triggers(inputs: dict[str, Any], failures: list[str]) -> None:
    try:
        json.dumps(inputs.get("triggers"))
    except TypeError:
        failures.append(
            "triggers: must be plain values (text, numbers, booleans, lists, mappings). Give an"
            " asset's hash instead of the asset."
        )


def _check_job(inputs: dict[str, Any], failures: list[str]) -> None:
    job_id, restart = inputs.get("job_id"), inputs.get("restart_job")
    if job_id is not None and not (isinstance(job_id, str) and job_id):
        failures.append("job_id: must be text. Give the id of a synchronization job of the target.")
    if restart not in (None, True, False, UNKNOWN):
        failures.append("restart_job: must be true or false.")
    elif restart is True and job_id is None:
        failures.append("restart_job: needs job_id, the id of the synchronization job to restart.")


def _check_expiry(inputs: dict[str, Any], failures: list[str]) -> None:
    expires_at = inputs.get("expires_at")
    if expires_at is None or expires_at == UNKNOWN:
        return
    if not isinstance(expires_at, str) or moment(expires_at) is None:
        failures.append(
            "expires_at: must be a date or a date and time of RFC 3339, such as 2027-01-31 or"
            " 2027-01-31T12:00:00Z."
        )


def _check_timeout(inputs: dict[str, Any], failures: list[str]) -> None:
    timeout = inputs.get("timeout")
    if timeout is None or timeout == UNKNOWN:
        return
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not math.isfinite(timeout) or timeout <= 0:
        failures.append("timeout: must be a number of seconds above 0, such as 300.")
