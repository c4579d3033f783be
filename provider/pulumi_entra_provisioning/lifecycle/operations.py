"""What happens to a provisioning authorization in each step of its life, in plain Python values.

The steps are those of Pulumi's engine: check, diff, create, read, update, delete. Inputs are
mappings with snake_case names, as the program wrote them; outputs are an `Authorization`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import hmac
import json
import math
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from ..credentials import NotificationSettings, encoded
from ..errors import Answer, ProvisioningError, RequestError, SettingsError, SignInError
from ..graph import secret_keys as synchronization_secret
from ..graph.retries import Patience
from ..graph.secret_keys import SINGLE_USE, TOKEN_KEYS
from ..graph.target import Kind, Target, parse
from ..wire import UNKNOWN
from . import references

if TYPE_CHECKING:
    from ..graph.client import Graph, Quarantine
    from ..identity.settings import Settings

DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that create and update may take, and read and delete always may."""

_AFTERTHOUGHT: Final = 20.0
"""Seconds for each call that follows a successful authorization and must not cost it."""

_EXPIRY_NOTICE: Final = timedelta(days=30)

_RFC_3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d))?", re.ASCII
)

_REMEMBERED_CODES: Final = 10
"""How many used authorization codes the state tells; a code expires within minutes."""

_UNEMPTIABLE: Final = "InvalidNotificationSettings"
"""Graph's code for a key that it never empties."""

_VALID: Final = "Valid"
_FAILED: Final = "Failed"
_NOT_RESTARTED: Final = "Failed: not restarted"

_KINDS: Final[dict[str, Kind]] = {
    "application_id": "applications",
    "service_principal_id": "servicePrincipals",
}


@dataclass(frozen=True)
class Authorization:
    """What is known of an authorization after a step: the resource's outputs.

    `target` is `servicePrincipals/<object id>` or `applications/<object id>`. `credential_keys`
    are the declared keys and `stored_keys` those of them, and of the tokens that the action
    stores, that Graph held right after, or None where it would not say; both sorted.
    `authorized_at` is RFC 3339 in UTC. `authorized_by` is the caller's client id, or a
    signed-in user's object id. `revision` counts
    the authorizations. `status` is Authorized, Quarantined, CredentialsMissing or Unknown.
    `verification` is Valid, or Failed with the answer's status and code, where `job_id` names a
    synchronization job to verify with. `expires_at` is as declared. `keys_to_empty` are keys that
    are no longer declared and that Graph still holds: the next update empties them.

    `credentials_digest` tells whether the declared credentials changed. It is None after a call
    that Graph may have carried out without an answer. `used_codes` holds digests of the
    authorization codes that may have been used. Both are secrets.
    """

    target: str
    credential_keys: Sequence[str]
    stored_keys: Sequence[str] | None
    authorized_at: str | None
    authorized_by: str | None
    cloud: str
    request_id: str | None
    client_request_id: str | None
    revision: int
    status: str
    credentials_digest: str | None = None
    triggers: Any = None
    job_id: str | None = None
    verification: str | None = None
    expires_at: str | None = None
    keys_to_empty: Sequence[str] = field(default_factory=list)
    used_codes: str | None = None


@dataclass(frozen=True)
class Difference:
    """What the engine has to do: nothing, an update, or a replacement for the named inputs.

    `only_inputs_differ` says that the engine finds the difference, and can show it, by itself.
    `warnings` are for the user's log.
    """

    changes: bool
    replaces: Sequence[str] = ()
    only_inputs_differ: bool = False
    warnings: Sequence[str] = ()


# check


def check(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The inputs in their one form, and every reason why they can't be used.

    Ids become bare lower-case GUIDs, credentials a mapping of key to value. A reason names the
    input and the remedy and holds no value that was declared, as any input may hold a secret by
    mistake. Values that are still unknown pass.
    """
    checked = dict(inputs)
    failures: list[str] = []
    _check_target(checked, failures)
    _check_credentials(checked, failures)
    _check_triggers(checked, failures)
    _check_job(checked, failures)
    _check_expiry(checked, failures)
    _check_timeout(checked, failures)
    return checked, failures


def _check_target(inputs: dict[str, Any], failures: list[str]) -> None:
    declared = [name for name in _KINDS if inputs.get(name) is not None]
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
        found = parse(value, _KINDS[name]) if isinstance(value, str) else None
        if found:
            inputs[name] = found.object_id
        else:
            failures.append(
                f"{name}: not an object id. Give a GUID such as"
                " 11111111-2222-3333-4444-555555555555, or the path"
                f" /{_KINDS[name]}/<GUID> that pulumi-azuread has as id."
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
            for key in sorted(synchronization_secret.KEYS.intersection(known))
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
    if not isinstance(key, str) or key not in synchronization_secret.KEYS:
        return [_unknown_key(key)]
    if value == UNKNOWN:
        return []
    if isinstance(value, Mapping):
        problems = references.problems(value)
        if problems and key == "SyncNotificationSettings":
            fields = ", ".join(sorted(NotificationSettings.__annotations__))
            problems = [f"give a reference, Graph's JSON text, or a mapping of {fields}."]
        return [f'credentials["{key}"]: {problem}' for problem in problems]
    if not isinstance(value, str):
        return [
            f'credentials["{key}"]: the value must be text. Give a string, or a reference:'
            " from_environment(…) or from_file(…)."
        ]
    if not value:
        return [
            f'credentials["{key}"]: the value is empty, which removes the key at Graph. Give a'
            " value, or leave the key out."
        ]
    return []


def _unknown_key(key: Any) -> str:
    nearest = synchronization_secret.nearest(key) if isinstance(key, str) else None
    if nearest and key.lower() == nearest.lower():
        return f'credentials["{key}"]: not a key of Graph. Write "{nearest}": case counts.'
    # What is no key may be a value in the wrong place: it is not repeated here.
    meant = f' Did you mean "{nearest}"?' if nearest else ""
    return (
        f"credentials: a key that Graph does not know (not shown, as it may be a value).{meant} Use"
        " the keys of https://learn.microsoft.com/graph/api/resources/"
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
    if not isinstance(expires_at, str) or _moment(expires_at) is None:
        failures.append(
            "expires_at: must be a date or a date and time of RFC 3339, such as 2027-01-31 or"
            " 2027-01-31T12:00:00Z."
        )


def _moment(text: str) -> datetime | None:
    """The moment of an RFC 3339 date, which begins at midnight UTC, or date and time."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    date, time, offset = found.groups()
    if offset in (None, "Z", "z"):
        offset = "+00:00"
    try:
        return datetime.fromisoformat(f"{date}T{time or '00:00:00'}{offset}")
    except ValueError:
        return None


def expiry_warning(inputs: Mapping[str, Any], now: datetime) -> str | None:
    """What to say of the checked inputs' `expires_at`: from 30 days before it, and after it."""
    expires_at = inputs.get("expires_at")
    moment = _moment(expires_at) if isinstance(expires_at, str) else None
    if moment is None or moment - now > _EXPIRY_NOTICE:
        return None
    target = next(inputs[name] for name in _KINDS if inputs.get(name) is not None)
    of = "" if target == UNKNOWN else f" of {_target(inputs)}"
    if moment <= now:
        return (
            f"the credentials{of} expired on {expires_at}: provisioning may have stopped. Renew"
            " them, and set expires_at to the new date."
        )
    days = (moment - now).days
    left = {0: "within a day", 1: "in 1 day"}.get(days, f"in {days} days")
    return (
        f"the credentials{of} expire {left}, on {expires_at}. Renew them, and set expires_at to the"
        " new date."
    )


def _check_timeout(inputs: dict[str, Any], failures: list[str]) -> None:
    timeout = inputs.get("timeout")
    if timeout is None or timeout == UNKNOWN:
        return
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not math.isfinite(timeout) or timeout <= 0:
        failures.append("timeout: must be a number of seconds above 0, such as 300.")


# diff


def diff(old: Authorization, inputs: Mapping[str, Any]) -> Difference:
    """What the checked `inputs` ask for, against what the last step left.

    Raises SettingsError where that would send an authorization code a second time.
    """
    name = next(name for name in _KINDS if inputs.get(name) is not None)
    values, warnings = _values_now(old, inputs["credentials"])
    if inputs[name] == UNKNOWN or _target(inputs) != parse(old.target):
        _refuse_used_code(old, inputs["credentials"], values)
        return Difference(changes=True, replaces=[name])
    credentials = _compared(old, inputs["credentials"], values)
    triggers_differ = _triggers_differ(old, inputs)
    if credentials.authorize or triggers_differ:
        _refuse_used_code(old, inputs["credentials"], values)
    inputs_differ = (
        credentials.declared_differ
        or triggers_differ
        or old.job_id != inputs.get("job_id")
        or old.expires_at != inputs.get("expires_at")
    )
    state_differs = (
        (credentials.authorize and not credentials.declared_differ)
        or bool(old.keys_to_empty)
        or _is_to_follow_up(old, inputs)
    )
    return Difference(
        changes=inputs_differ or state_differs,
        only_inputs_differ=inputs_differ and not state_differs,
        warnings=warnings,
    )


def _values_now(old: Authorization, declared: Any) -> tuple[Any, list[str]]:
    """What the declared credentials resolve to, or None and a warning where one is not there."""
    try:
        return references.resolved(declared), []
    except SettingsError as error:
        return None, [f"{error} So the credentials of {old.target} can't be compared."]


@dataclass(frozen=True)
class _Compared:
    """Whether credentials call for another authorization, and whether they are declared otherwise.

    They may be declared as before and have other values, where these are references.
    """

    authorize: bool
    declared_differ: bool


def _compared(old: Authorization, declared: Any, values: Any) -> _Compared:
    """`values` are what `declared` resolves to, or None where that is not known."""
    if old.credentials_digest is None:
        return _Compared(authorize=True, declared_differ=False)
    salt, of_values, *of_declared = old.credentials_digest.split(":")
    declared_differ = _keyed_digest(salt, declared) != (of_declared or [of_values])[0]
    differ = declared_differ if values is None else _keyed_digest(salt, values) != of_values
    return _Compared(differ or old.status == "CredentialsMissing", declared_differ)


def _triggers_differ(old: Authorization, inputs: Mapping[str, Any]) -> bool:
    return _canonical(old.triggers) != _canonical(inputs.get("triggers"))


def _is_to_follow_up(old: Authorization, inputs: Mapping[str, Any]) -> bool:
    """Whether the declared job has to verify the credentials, or to be restarted, once more."""
    return inputs.get("job_id") is not None and (old.verification or "").startswith(_FAILED)


def _refuse_used_code(old: Authorization, declared: Any, values: Any) -> None:
    """Raise SettingsError where the credentials hold a code that may have been used.

    https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
    """
    code = values.get(SINGLE_USE) if isinstance(values, Mapping) else None
    # Version 0.1.0 kept a digest of all credentials, and none of codes.
    same_as_then = (
        old.used_codes is None
        and old.credentials_digest is not None
        and not _compared(old, declared, values).declared_differ
    )
    if code is None or not (same_as_then or _is_among(old.used_codes, code)):
        return
    problem = (
        f'credentials["{SINGLE_USE}"]: this authorization code may have been used for {old.target}'
        " already, and a code works once. Nothing was sent. Set a new code, and remove"
        ' ignore_changes=["credentials"] if the resource has it.'
    )
    if old.credentials_digest and old.status != "CredentialsMissing":
        problem += " To leave the authorization as it is, restore the other inputs instead."
    raise SettingsError([problem])


def _digest(declared: Any, values: Any) -> str:
    """Tells later whether the values changed, and whether they are declared otherwise."""
    salt = secrets.token_hex(16)
    of_values, of_declared = _keyed_digest(salt, values), _keyed_digest(salt, declared)
    return ":".join(
        [salt, of_values] if of_values == of_declared else [salt, of_values, of_declared]
    )


def _with_code(used_codes: str | None, values: Mapping[str, str]) -> str | None:
    """`used_codes` and the authorization code among the values, where there is one."""
    if (code := values.get(SINGLE_USE)) is None:
        return used_codes
    salt, *known = (used_codes or secrets.token_hex(16)).split(":")
    return ":".join([salt, *known[1 - _REMEMBERED_CODES :], _keyed_digest(salt, code)])


def _is_among(used_codes: str | None, code: Any) -> bool:
    salt, *known = (used_codes or "").split(":")
    return _keyed_digest(salt, code) in known


def _keyed_digest(salt: str, value: Any) -> str:
    return hmac.new(salt.encode(), _canonical(value).encode(), hashlib.sha256).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# create, update, read, delete


class Lifecycle:
    """The steps that call Microsoft Graph, for one identity, on one event loop.

    `log` takes a line for the user's log, `warn` one that asks for action. Every step raises
    RequestError (or SignInError) where Graph (or Entra) refuses or does not answer, and
    SettingsError where nothing could be sent. The state is then as it was before the step, unless
    the RequestError has `outputs`.
    """

    def __init__(
        self, settings: Settings, log: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._log = log
        self._warn = warn
        self._turns: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._declared: defaultdict[Target, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        self._warned: set[str] = set()
        self._sent_codes: set[str] = set()

    @functools.cached_property
    def _graph(self) -> Graph:
        # msgraph-sdk takes as long to import as all the rest: only what calls Graph pays for it.
        from ..graph.client import Graph

        return Graph(self._settings)

    def declare(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Note checked `inputs` as declared by the program of this run, and warn of them.

        The engine deletes what left the program after it has checked all that is in it. So a
        delete can leave what another resource of the program, or its new name, declares. It checks
        a resource that it replaces twice: the second time counts.
        """
        self._warn_once(expiry_warning(inputs, datetime.now(timezone.utc)))
        name = next(name for name in _KINDS if inputs.get(name) is not None)
        if inputs[name] == UNKNOWN or not isinstance(inputs["credentials"], dict):
            return
        target = _target(inputs)
        declared = self._declared[target]
        declared[urn] = inputs["credentials"]
        forms = {_canonical(credentials) for credentials in declared.values()}
        if len(forms) > 1 and UNKNOWN not in "".join(forms):
            self._warn_once(
                f"two resources of this program declare {target} with different credentials. The"
                " one that is applied last wins, and later runs do not notice. Declare a target"
                " once."
            )

    def _warn_once(self, line: str | None) -> None:
        if line and line not in self._warned:
            self._warned.add(line)
            self._warn(line)

    def _declared_keys(self, target: Target) -> frozenset[str]:
        return frozenset(key for keys in self._declared[target].values() for key in keys)

    @contextlib.asynccontextmanager
    async def _turn(self, doing: str, target: Target, patience: Patience) -> AsyncIterator[None]:
        """The time in which no other step changes the target."""
        turn = self._turns[target]
        try:
            await asyncio.wait_for(turn.acquire(), patience.left)
        except asyncio.TimeoutError:
            message = "not sent, as another resource of this target took the time allowed"
            answer = Answer(None, "", message, out_of_time=True)
            raise RequestError(f"{doing} {target}", answer) from None
        try:
            yield
        finally:
            turn.release()

    async def create(self, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize the target that the checked `inputs` declare."""
        patience = Patience(_timeout(inputs), self._log, may_be_new=True)
        target = _target(inputs)
        nothing = Authorization(
            target=str(target),
            credential_keys=[],
            stored_keys=None,
            authorized_at=None,
            authorized_by=None,
            cloud=self._settings.cloud,
            request_id=None,
            client_request_id=None,
            revision=0,
            status="Unknown",
        )
        async with self._turn("authorizing", target, patience):
            values = references.resolved(inputs["credentials"])
            new, _ = await self._authorize(target, nothing, inputs, values, patience)
            return await self._followed_up(target, new, inputs, values, patience)

    async def update(self, old: Authorization, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize again, and then empty the keys that are no longer declared.

        Where what changed asks for no authorization, do the rest alone.
        """
        patience = Patience(_timeout(inputs), self._log)
        target = _target(inputs)
        declared = inputs["credentials"]
        async with self._turn("authorizing", target, patience):
            values = references.resolved(declared)
            compared = _compared(old, declared, values)
            held = None
            if authorizes := compared.authorize or _triggers_differ(old, inputs):
                _refuse_used_code(old, declared, values)
                new, held = await self._authorize(target, old, inputs, values, patience)
            else:
                new = replace(old, job_id=inputs.get("job_id"), expires_at=inputs.get("expires_at"))
                if compared.declared_differ:
                    new = replace(new, credentials_digest=_digest(declared, values))
            new = await self._without_old_keys(target, old, new, held, patience)
            if authorizes or old.job_id != new.job_id or _is_to_follow_up(old, inputs):
                new = await self._followed_up(target, new, inputs, values, patience)
            return new

    async def _authorize(
        self,
        target: Target,
        old: Authorization,
        inputs: Mapping[str, Any],
        values: Mapping[str, str],
        patience: Patience,
    ) -> tuple[Authorization, frozenset[str] | None]:
        """What the call made of `old`, and the keys that Graph holds after it, if it tells."""
        used_codes = _with_code(old.used_codes, values)
        self._refuse_code_of_this_run(target, values)
        try:
            correlation = await self._graph.acquire_access_token(target, values, patience)
        except (RequestError, SignInError) as error:
            if error.answer.may_have_acted:
                self._sent_codes.add(values.get(SINGLE_USE, ""))
                uncertain = replace(
                    old,
                    credential_keys=sorted({*old.credential_keys, *values}),
                    status="Unknown",
                    credentials_digest=None,
                    used_codes=used_codes,
                )
                error.outputs = asdict(uncertain)
            raise
        self._sent_codes.add(values.get(SINGLE_USE, ""))
        held = await self._held(target, patience)
        new = Authorization(
            target=str(target),
            credential_keys=sorted(values),
            stored_keys=None if held is None else _ours(held, values),
            authorized_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            authorized_by=self._graph.caller_id or self._settings.client_id or None,
            cloud=self._settings.cloud,
            request_id=correlation.request_id,
            client_request_id=correlation.client_request_id,
            revision=old.revision + 1,
            status="Authorized",
            credentials_digest=_digest(inputs["credentials"], values),
            triggers=inputs.get("triggers"),
            job_id=inputs.get("job_id"),
            expires_at=inputs.get("expires_at"),
            used_codes=used_codes,
        )
        return new, held

    def _refuse_code_of_this_run(self, target: Target, values: Mapping[str, str]) -> None:
        if SINGLE_USE in values and values[SINGLE_USE] in self._sent_codes:
            raise SettingsError(
                [
                    f'credentials["{SINGLE_USE}"]: another resource of this run has used this'
                    f" authorization code, and a code works once. Nothing was sent for {target}."
                    " Give each resource a code of its own, and declare a target once."
                ]
            )

    async def _held(self, target: Target, patience: Patience) -> frozenset[str] | None:
        """The keys that Graph holds, or None: no failure here may cost an authorization."""
        try:
            return await self._graph.secret_keys(target, patience.capped(_AFTERTHOUGHT))
        except ProvisioningError:
            return None

    async def _without_old_keys(
        self,
        target: Target,
        old: Authorization,
        new: Authorization,
        held: frozenset[str] | None,
        patience: Patience,
    ) -> Authorization:
        """`new`, once the keys that nothing declares any longer are emptied.

        What can't be emptied now is left for the next update: the target is authorized already.
        """
        declared = self._declared_keys(target).union(new.credential_keys)
        obsolete = {*old.credential_keys, *old.keys_to_empty} - declared
        if not obsolete:
            return replace(new, keys_to_empty=[])
        try:
            stay = await self._empty(target, obsolete, patience, held)
        except ProvisioningError as error:
            self._warn(
                f"{error} The authorization stays. The next `pulumi up` empties"
                f" {_listed(obsolete)}."
            )
            return replace(new, keys_to_empty=sorted(obsolete))
        self._warn_of_what_stays(target, stay)
        later = sorted(key for key, refusal in stay.items() if refusal.answer.code != _UNEMPTIABLE)
        new = replace(new, keys_to_empty=later)
        # Microsoft does not document that the keys which a PUT does not name stay.
        left = await self._held(target, patience)
        if left is not None and not left.issuperset(new.stored_keys or ()):
            self._warn(f"{target} lost credentials with the emptied keys. Run `pulumi up` again.")
            return replace(new, status="CredentialsMissing")
        return new

    async def _followed_up(
        self,
        target: Target,
        new: Authorization,
        inputs: Mapping[str, Any],
        values: Mapping[str, str],
        patience: Patience,
    ) -> Authorization:
        """`new`, once the declared job has tried the credentials and left its quarantine.

        No failure here loses the authorization, and the next update tries again.
        """
        if (job_id := inputs.get("job_id")) is None:
            return replace(new, verification=None)
        verification = await self._verified(target, job_id, values, patience)
        new = replace(new, verification=verification)
        if inputs.get("restart_job") is not True or verification != _VALID:
            return new
        try:
            stopped = await self._stopped_after_restart(target, job_id, patience)
        except ProvisioningError as error:
            self._warn(f"{error} The authorization stays. The next `pulumi up` tries again.")
            return replace(new, status="Quarantined", verification=_NOT_RESTARTED)
        return replace(new, status="Quarantined" if stopped else "Authorized")

    async def _stopped_after_restart(
        self, target: Target, job_id: str, patience: Patience
    ) -> list[Quarantine]:
        """Take the job out of a quarantine for its credentials; the jobs that provision nobody."""
        quarantines = await self._graph.quarantines(target, patience.capped(_AFTERTHOUGHT))
        for quarantine in quarantines:
            if quarantine.job_id != job_id:
                continue
            if not quarantine.is_for_credentials:
                self._warn(
                    f"{target}: {quarantine} is not restarted: restart_job restarts only a job that"
                    " is in quarantine for its credentials."
                )
                continue
            await self._graph.restart_job(target, job_id, patience.capped(_AFTERTHOUGHT))
            self._log(f"restarted job {job_id} of {target}, which was in quarantine")
        return [
            quarantine
            for quarantine in _stopped(quarantines)
            if quarantine.job_id != job_id or not quarantine.is_for_credentials
        ]

    async def _verified(
        self,
        target: Target,
        job_id: str,
        values: Mapping[str, str] | None,
        patience: Patience,
    ) -> str:
        """What the job says of the credentials that Graph holds.

        `values` are those of the credentials, where they are known.
        """
        patience = patience.capped(_AFTERTHOUGHT)
        try:
            await self._graph.validate_credentials(target, job_id, values, patience)
        except ProvisioningError as error:
            self._warn(f"{error} The authorization stays. The next `pulumi up` verifies again.")
            if not isinstance(error, (RequestError, SignInError)):
                return f"{_FAILED}: not sent"
            return f"{_FAILED}: {error.answer.status or 'no answer'} {error.answer.code}".strip()
        return _VALID

    async def read(self, id_: str, old: Authorization | None) -> Authorization | None:
        """What is left of an authorization, or None where its target is gone.

        `id_` is the resource's id. `old` is what the last step left, or None for an authorization
        that the stack only looks at, which RequestError tells where its target is not there.
        """
        target = _named(id_)
        patience = Patience(DEFAULT_TIMEOUT, self._log)
        held: frozenset[str] | None = None
        try:
            held = await self._graph.secret_keys(target, patience)
            if old and old.stored_keys is None:
                old = replace(old, stored_keys=_ours(held, old.credential_keys))
            if not held.issuperset((old and old.stored_keys) or ()) or not (old or held):
                return self._seen(target, old, held, "CredentialsMissing")
            quarantines = await self._graph.quarantines(target, patience)
        except RequestError as error:
            gone = error.answer.status == 404 and not await self._graph.exists(target, patience)
            if gone and old:
                return None
            if gone or not (error.answer.is_forbidden or error.answer.status == 404):
                raise
            self._warn(f"{error}\nUntil then the status of {target} is Unknown.")
            return self._seen(target, old, held, "Unknown")
        failed = (old and old.verification) or ""
        if old and old.job_id and failed.startswith(_FAILED) and failed != _NOT_RESTARTED:
            verification = await self._verified(target, old.job_id, None, patience)
            old = replace(old, verification=verification)
        stopped = _stopped(quarantines)
        for quarantine in stopped:
            self._warn(f"{target} is in quarantine: {quarantine}")
        return self._seen(target, old, held, "Quarantined" if stopped else "Authorized")

    def _seen(
        self, target: Target, old: Authorization | None, held: frozenset[str] | None, status: str
    ) -> Authorization:
        if old:
            uncertain = status == "Authorized" and old.credentials_digest is None
            return replace(old, status="Unknown" if uncertain else status)
        return Authorization(
            target=str(target),
            credential_keys=sorted(held or ()),
            stored_keys=None if held is None else sorted(held),
            authorized_at=None,
            authorized_by=None,
            cloud=self._settings.cloud,
            request_id=None,
            client_request_id=None,
            revision=0,
            status=status,
        )

    async def delete(self, old: Authorization) -> None:
        """Empty the declared keys and the tokens that the action stored; leave the other keys."""
        target = _named(old.target)
        patience = Patience(DEFAULT_TIMEOUT, self._log)
        async with self._turn("emptying credentials of", target, patience):
            ours = set(TOKEN_KEYS).union(old.credential_keys, old.keys_to_empty)
            if self._declared[target]:
                kept = ours & (TOKEN_KEYS | self._declared_keys(target))
                ours -= kept
                kept.intersection_update({*old.credential_keys, *(old.stored_keys or ())})
                self._log(
                    f"the program still declares {target}: keeps"
                    f" {_listed(kept)}; empties {_listed(ours)}"
                )
            try:
                stay = await self._empty(target, ours, patience)
            except RequestError as error:
                if error.answer.status != 404 or await self._graph.exists(target, patience):
                    raise
            else:
                self._warn_of_what_stays(target, stay)

    def _warn_of_what_stays(self, target: Target, stay: Mapping[str, RequestError]) -> None:
        for key, refusal in stay.items():
            self._warn(f"{key} of {target} stays: {refusal}")

    async def _empty(
        self,
        target: Target,
        keys: Iterable[str],
        patience: Patience,
        held: frozenset[str] | None = None,
    ) -> dict[str, RequestError]:
        """Empty those of `keys` that Graph holds; those that it refuses to empty, and why."""
        if not (wanted := sorted(keys)):
            return {}
        try:
            if held is None:
                held = await self._graph.secret_keys(target, patience)
            wanted = [key for key in wanted if key in held]
        except RequestError as error:
            if not error.answer.is_forbidden:
                raise  # a caller that may not read may still write
        refusals = await self._refusals(target, wanted, patience)
        # What is not known to be refused for its own sake may be refused for another reason.
        if wanted and len(refusals) == len(wanted):
            for refusal in refusals.values():
                if refusal.answer.code != _UNEMPTIABLE:
                    raise refusal
        return refusals

    async def _refusals(
        self, target: Target, keys: Sequence[str], patience: Patience
    ) -> dict[str, RequestError]:
        """Empty `keys`, one by one where Graph refuses them together; why which was refused."""
        if not keys:
            return {}
        try:
            await self._graph.empty_secrets(target, keys, patience)
        except RequestError as error:
            if error.answer.status != 400:
                raise
            if len(keys) == 1:
                return {keys[0]: error}
            refused: dict[str, RequestError] = {}
            for key in keys:
                refused |= await self._refusals(target, [key], patience)
            return refused
        return {}


def _ours(held: frozenset[str], credentials: Iterable[str]) -> list[str]:
    """Those of the keys that Graph holds that an authorization with `credentials` gave it."""
    return sorted(held.intersection(TOKEN_KEYS.union(credentials)))


def _stopped(quarantines: Iterable[Quarantine]) -> list[Quarantine]:
    """The jobs that provision nobody until somebody acts.

    Those are in quarantine for their credentials, or Entra disabled them, whatever the reason was.
    """
    return [q for q in quarantines if q.is_for_credentials or q.is_disabled]


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)) or "nothing"


def _timeout(inputs: Mapping[str, Any]) -> float:
    return float(inputs.get("timeout") or DEFAULT_TIMEOUT)


def _target(inputs: Mapping[str, Any]) -> Target:
    """The target that checked inputs declare."""
    return next(
        Target(kind, inputs[name]) for name, kind in _KINDS.items() if inputs.get(name) is not None
    )


def _named(id_: str) -> Target:
    target = parse(id_)
    if target is None:
        raise SettingsError(
            [
                "id: must be servicePrincipals/<object id> or applications/<object id>, where the"
                " object id is a GUID."
            ]
        )
    return target
