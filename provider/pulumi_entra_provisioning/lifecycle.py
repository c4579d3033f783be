"""What happens to a provisioning authorization in each step of its life, in plain Python values.

The steps are those of Pulumi's engine: check, diff, create, read, update, delete. Inputs are
mappings with snake_case names, as the program wrote them; outputs are an `Authorization`.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import json
import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from . import synchronization_secret
from .errors import ProvisioningError, RequestError, SettingsError, SignInError
from .synchronization_secret import TOKEN_KEYS
from .target import Kind, Target, parse
from .waiting import Patience

if TYPE_CHECKING:
    from .graph import Graph
    from .settings import Settings

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine passes in a preview for a value that only the deployment will know."""

DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that create and update may take, and read and delete always may."""

_AFTERTHOUGHT: Final = 20.0
"""Seconds for each call that follows a successful authorization and must not cost it."""

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
    `credentials_digest` tells whether the declared credentials changed, and is itself a secret.
    `verification` is Valid, or Failed with the answer's status and code, where `job_id` names a
    synchronization job to verify with.
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


@dataclass(frozen=True)
class Difference:
    """What the engine has to do: nothing, an update, or a replacement for the named inputs."""

    changes: bool
    replaces: Sequence[str] = ()


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
    declared = inputs.get("credentials")
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
    if not isinstance(value, str):
        return [f'credentials["{key}"]: the value must be text. Give a string.']
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
    job_id = inputs.get("job_id")
    if job_id is not None and not (isinstance(job_id, str) and job_id):
        failures.append("job_id: must be text. Give the id of a synchronization job of the target.")


def _check_timeout(inputs: dict[str, Any], failures: list[str]) -> None:
    timeout = inputs.get("timeout")
    if timeout is None or timeout == UNKNOWN:
        return
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not math.isfinite(timeout) or timeout <= 0:
        failures.append("timeout: must be a number of seconds above 0, such as 300.")


# diff


def diff(old: Authorization, inputs: Mapping[str, Any]) -> Difference:
    """What the checked `inputs` ask for, against what the last step left."""
    name = next(name for name in _KINDS if inputs.get(name) is not None)
    if inputs[name] == UNKNOWN or _target(inputs) != parse(old.target):
        return Difference(changes=True, replaces=[name])
    return Difference(_calls_again(old, inputs) or old.job_id != inputs.get("job_id"))


def _calls_again(old: Authorization, inputs: Mapping[str, Any]) -> bool:
    """Whether the same target has to be authorized again."""
    return (
        old.status == "CredentialsMissing"
        or not _digest_matches(old.credentials_digest, inputs["credentials"])
        or _canonical(old.triggers) != _canonical(inputs.get("triggers"))
    )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _digest(credentials: Any, salt: str) -> str:
    digest = hmac.new(salt.encode(), _canonical(credentials).encode(), hashlib.sha256)
    return f"{salt}:{digest.hexdigest()}"


def _digest_matches(digest: str | None, credentials: Any) -> bool:
    salt, _, _ = (digest or "").partition(":")
    return bool(salt) and hmac.compare_digest(digest or "", _digest(credentials, salt))


# create, update, read, delete


class Lifecycle:
    """The steps that call Microsoft Graph, for one identity, on one event loop.

    `tell` takes a line for the user's log. Every step raises RequestError (or SignInError) where
    Graph (or Entra) refuses or does not answer: the state is then as it was before the step.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._turns: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._declared: dict[Target, frozenset[str]] = {}

    @functools.cached_property
    def _graph(self) -> Graph:
        # msgraph-sdk takes as long to import as all the rest: only what calls Graph pays for it.
        from .graph import Graph

        return Graph(self._settings)

    def declare(self, inputs: Mapping[str, Any]) -> None:
        """Note checked `inputs` as declared by the program of this run.

        The engine deletes what left the program after it has checked all that is in it. So a
        delete can leave what another resource of the program, or its new name, declares.
        """
        name = next(name for name in _KINDS if inputs.get(name) is not None)
        if inputs[name] != UNKNOWN and isinstance(inputs["credentials"], dict):
            target = _target(inputs)
            known = self._declared.get(target, frozenset())
            self._declared[target] = known.union(inputs["credentials"])

    async def create(self, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize the target that the checked `inputs` declare."""
        patience = Patience(_timeout(inputs), self._tell, may_be_new=True)
        target = _target(inputs)
        async with self._turns[target]:
            return await self._authorize(target, inputs, patience, revision=1)

    async def update(self, old: Authorization, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize again, after emptying the keys that are no longer declared.

        Where nothing but the job to verify with is another one, only verify.
        """
        patience = Patience(_timeout(inputs), self._tell)
        target = _target(inputs)
        async with self._turns[target]:
            if not _calls_again(old, inputs):
                verification = await self._verified(target, inputs, patience)
                return replace(old, job_id=inputs.get("job_id"), verification=verification)
            declared = self._declared.get(target, frozenset()).union(inputs["credentials"])
            await self._empty(target, set(old.credential_keys) - declared, patience)
            return await self._authorize(target, inputs, patience, old.revision + 1)

    async def _authorize(
        self, target: Target, inputs: Mapping[str, Any], patience: Patience, revision: int
    ) -> Authorization:
        credentials: dict[str, str] = inputs["credentials"]
        correlation = await self._graph.acquire_access_token(target, credentials, patience)
        authorized_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Authorization(
            target=str(target),
            credential_keys=sorted(credentials),
            stored_keys=await self._stored(target, credentials, patience),
            authorized_at=authorized_at,
            authorized_by=self._graph.caller_id or self._settings.client_id or None,
            cloud=self._settings.cloud,
            request_id=correlation.request_id,
            client_request_id=correlation.client_request_id,
            revision=revision,
            status="Authorized",
            credentials_digest=_digest(credentials, secrets.token_hex(16)),
            triggers=inputs.get("triggers"),
            job_id=inputs.get("job_id"),
            verification=await self._verified(target, inputs, patience),
        )

    async def _verified(
        self, target: Target, inputs: Mapping[str, Any], patience: Patience
    ) -> str | None:
        """What the declared job says of the credentials, which never costs the authorization."""
        if (job_id := inputs.get("job_id")) is None:
            return None
        credentials: dict[str, str] = inputs["credentials"]
        try:
            await self._graph.validate_credentials(
                target, job_id, credentials, patience.capped(_AFTERTHOUGHT)
            )
        except (RequestError, SignInError) as error:
            self._tell(f"{error} The authorization stays.")
            return f"Failed: {error.answer.status or 'no answer'} {error.answer.code}".strip()
        return "Valid"

    async def _stored(
        self, target: Target, credentials: Iterable[str], patience: Patience
    ) -> Sequence[str] | None:
        """What Graph holds of an authorization, which no failure here may cost."""
        try:
            held = await self._graph.secret_keys(target, patience.capped(_AFTERTHOUGHT))
        except ProvisioningError:
            return None
        return _ours(held, credentials)

    async def read(self, id_: str, old: Authorization | None) -> Authorization | None:
        """What is left of an authorization, or None where its target is gone.

        `id_` is the resource's id. `old` is what the last step left, or None for an authorization
        that the stack only looks at, which RequestError tells where its target is not there.
        """
        target = _named(id_)
        patience = Patience(DEFAULT_TIMEOUT, self._tell)
        held: frozenset[str] | None = None
        try:
            held = await self._graph.secret_keys(target, patience)
            if old and old.stored_keys is None:
                old = replace(old, stored_keys=_ours(held, old.credential_keys))
            if not held.issuperset((old and old.stored_keys) or ()) or not (old or held):
                return self._seen(target, old, held, "CredentialsMissing")
            quarantine = await self._graph.quarantine_for_credentials(target, patience)
        except RequestError as error:
            gone = error.answer.status == 404 and not await self._graph.exists(target, patience)
            if gone and old:
                return None
            if gone or not (error.answer.is_forbidden or error.answer.status == 404):
                raise
            self._tell(f"{error}\nUntil then the status of {target} is Unknown.")
            return self._seen(target, old, held, "Unknown")
        if quarantine is None:
            return self._seen(target, old, held, "Authorized")
        self._tell(f"{target} is in quarantine for its credentials: {quarantine}")
        return self._seen(target, old, held, "Quarantined")

    def _seen(
        self, target: Target, old: Authorization | None, held: frozenset[str] | None, status: str
    ) -> Authorization:
        if old:
            return replace(old, status=status)
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
        patience = Patience(DEFAULT_TIMEOUT, self._tell)
        async with self._turns[target]:
            ours = TOKEN_KEYS.union(old.credential_keys)
            if target in self._declared:
                ours -= TOKEN_KEYS | self._declared[target]
                self._tell(f"{target} is declared by the program still: its credentials stay")
            try:
                await self._empty(target, ours, patience)
            except RequestError as error:
                if error.answer.status != 404 or await self._graph.exists(target, patience):
                    raise

    async def _empty(self, target: Target, keys: Iterable[str], patience: Patience) -> None:
        """Empty those of `keys` that Graph holds; one that it refuses to empty is left and told."""
        if not (wanted := sorted(keys)):
            return
        try:
            held = await self._graph.secret_keys(target, patience)
            wanted = [key for key in wanted if key in held]
        except RequestError as error:
            if not error.answer.is_forbidden:
                raise  # a caller that may not read may still write
        refusals = await self._refusals(target, wanted, patience)
        # What is not known to be refused for its own sake may be refused for another reason.
        if wanted and len(refusals) == len(wanted):
            for refusal in refusals.values():
                if refusal.answer.code != "InvalidNotificationSettings":
                    raise refusal
        for key, refusal in refusals.items():
            self._tell(f"{key} of {target} stays: {refusal}")

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
