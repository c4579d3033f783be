"""What happens to a provisioning authorization in each step of its life, in plain Python values.

The steps are those of Pulumi's engine: check, diff, create, read, update, delete. Inputs are
mappings with snake_case names, as the program wrote them; outputs are an `Authorization`.
"""

from __future__ import annotations

import asyncio
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

from . import synchronization_secret, target
from .errors import ProvisioningError, RequestError, SettingsError, SignInError
from .synchronization_secret import SINGLE_USE, TOKEN_KEYS
from .target import Kind, Target
from .waiting import Patience

if TYPE_CHECKING:
    from .identity import Settings

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine passes in a preview for a value that only the deployment will know."""

DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that create and update may take, and read and delete always may."""

_AFTERTHOUGHT: Final = 20.0
"""Seconds for what follows an authorization that succeeded and must not cost it."""

_KINDS: Final[dict[str, Kind]] = {
    "application_id": "applications",
    "service_principal_id": "servicePrincipals",
}


@dataclass(frozen=True)
class Authorization:
    """What is known of an authorization after a step: the resource's outputs.

    `target` is `servicePrincipals/<object id>` or `applications/<object id>`. `credential_keys`
    are the declared keys and `stored_keys` those of them, and of the tokens that the action
    stores, that Graph held right after; both sorted. `authorized_at` is RFC 3339 in UTC.
    `authorized_by` is the caller's client id. `revision` counts the authorizations. `status` is
    Authorized, Quarantined, CredentialsMissing or Unknown. `credentials_digest` tells whether the
    declared credentials changed, and is itself a secret.
    """

    target: str
    credential_keys: Sequence[str]
    stored_keys: Sequence[str]
    authorized_at: str | None
    authorized_by: str | None
    cloud: str
    request_id: str | None
    client_request_id: str | None
    revision: int
    status: str
    credentials_digest: str | None = None
    triggers: Any = None


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
        found = target.parse(value, _KINDS[name]) if isinstance(value, str) else None
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
        for position, (key, value) in enumerate(pairs, start=1):
            failures += _pair_problems(position, key, value)
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


def _pair_problems(position: int, key: Any, value: Any) -> list[str]:
    if key == UNKNOWN:
        return []
    if not isinstance(key, str) or key not in synchronization_secret.KEYS:
        return [_unknown_key(position, key)]
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


def _unknown_key(position: int, key: Any) -> str:
    nearest = synchronization_secret.nearest(key) if isinstance(key, str) else None
    if nearest:
        return f'credentials["{key}"]: not a key of Graph. Write "{nearest}": case counts.'
    # A name that resembles no key may be a value in the wrong place: it is not repeated here.
    return (
        f"credentials: pair {position} has a key that Graph does not know (not shown, as it may be"
        " a value in the wrong place). Use the keys of"
        " https://learn.microsoft.com/graph/api/resources/"
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
    if inputs[name] == UNKNOWN or _target(inputs) != target.parse(old.target):
        return Difference(changes=True, replaces=[name])
    return Difference(
        changes=old.status == "CredentialsMissing"
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
        # msgraph-sdk takes as long to import as all the rest: only what calls Graph pays for it.
        from .graph import Graph

        self._settings = settings
        self._tell = tell
        self._graph = Graph(settings)
        self._turns: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._authorized_now: dict[Target, frozenset[str]] = {}

    async def create(self, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize the target that the checked `inputs` declare."""
        patience = Patience(_timeout(inputs), self._tell, may_be_new=True)
        aim = _target(inputs)
        async with self._turns[aim]:
            return await self._authorize(aim, inputs, patience, revision=1)

    async def update(self, old: Authorization, inputs: Mapping[str, Any]) -> Authorization:
        """Authorize again, after emptying the keys that are no longer declared."""
        patience = Patience(_timeout(inputs), self._tell)
        aim = _target(inputs)
        async with self._turns[aim]:
            await self._empty(aim, set(old.credential_keys) - set(inputs["credentials"]), patience)
            return await self._authorize(aim, inputs, patience, old.revision + 1)

    async def _authorize(
        self, aim: Target, inputs: Mapping[str, Any], patience: Patience, revision: int
    ) -> Authorization:
        credentials: dict[str, str] = inputs["credentials"]
        answer = await patience.call(
            f"authorizing {aim}",
            lambda: self._graph.acquire_access_token(aim, credentials),
            single_use=SINGLE_USE in credentials,
        )
        authorized_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._authorized_now[aim] = frozenset(credentials)
        return Authorization(
            target=str(aim),
            credential_keys=sorted(credentials),
            stored_keys=sorted(TOKEN_KEYS.union(credentials) & await self._held_afterwards(aim)),
            authorized_at=authorized_at,
            authorized_by=self._settings.client_id,
            cloud=self._settings.cloud,
            request_id=answer.request_id,
            client_request_id=answer.client_request_id,
            revision=revision,
            status="Authorized",
            credentials_digest=_digest(credentials, secrets.token_hex(16)),
            triggers=inputs.get("triggers"),
        )

    async def _held_afterwards(self, aim: Target) -> frozenset[str]:
        """The keys that Graph holds after an authorization, which no failure here may cost."""
        try:
            return await self._held(aim, Patience(_AFTERTHOUGHT, self._tell))
        except ProvisioningError:
            return frozenset()

    async def _held(self, aim: Target, patience: Patience) -> frozenset[str]:
        return await patience.call(
            f"reading the credentials' keys of {aim}", lambda: self._graph.secret_keys(aim)
        )

    async def _exists(self, aim: Target, patience: Patience) -> bool:
        return await patience.call(f"looking for {aim}", lambda: self._graph.exists(aim))

    async def read(self, id_: str, old: Authorization | None) -> Authorization | None:
        """What is left of an authorization, or None where its target is gone.

        `id_` is the resource's id. `old` is what the last step left, or None for an authorization
        that the stack only looks at.
        """
        aim = _named(id_)
        patience = Patience(DEFAULT_TIMEOUT, self._tell)
        try:
            held = await self._held(aim, patience)
            if not held.issuperset(old.stored_keys) if old else not held:
                return self._seen(aim, old, held, "CredentialsMissing")
            quarantined = await patience.call(
                f"reading the synchronization jobs of {aim}",
                lambda: self._graph.quarantined_for_credentials(aim),
            )
        except SignInError:
            raise
        except RequestError as error:
            if error.answer.status == 404 and not await self._exists(aim, patience):
                return None
            if error.answer.status not in (401, 403, 404):
                raise
            self._tell(f"{error} Until then the status of {aim} is Unknown.")
            return self._seen(aim, old, frozenset(), "Unknown")
        return self._seen(aim, old, held, "Quarantined" if quarantined else "Authorized")

    def _seen(
        self, aim: Target, old: Authorization | None, held: frozenset[str], status: str
    ) -> Authorization:
        if old:
            return replace(old, status=status)
        return Authorization(
            target=str(aim),
            credential_keys=sorted(held),
            stored_keys=sorted(held),
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
        aim = _named(old.target)
        patience = Patience(DEFAULT_TIMEOUT, self._tell)
        async with self._turns[aim]:
            ours = TOKEN_KEYS.union(old.credential_keys)
            if aim in self._authorized_now:
                ours -= TOKEN_KEYS | self._authorized_now[aim]
                self._tell(
                    f"{aim} was authorized by another resource of this run: its credentials stay"
                )
            try:
                await self._empty(aim, ours, patience)
            except RequestError as error:
                if error.answer.status != 404 or await self._exists(aim, patience):
                    raise

    async def _empty(self, aim: Target, keys: Iterable[str], patience: Patience) -> None:
        """Empty those of `keys` that Graph holds; one that it refuses to empty is left and told."""
        if not (wanted := sorted(keys)):
            return
        try:
            held = await self._held(aim, patience)
            wanted = [key for key in wanted if key in held]
        except RequestError as error:
            if error.answer.status not in (401, 403):
                raise  # a caller that may not read may still write
        if wanted and await self._refused(aim, wanted, patience):
            for key in wanted:
                if reason := await self._refused(aim, [key], patience):
                    self._tell(f"{key} of {aim} stays: {reason}")

    async def _refused(
        self, aim: Target, keys: Sequence[str], patience: Patience
    ) -> RequestError | None:
        try:
            await patience.call(
                f"emptying credentials of {aim}", lambda: self._graph.empty_secrets(aim, keys)
            )
        except RequestError as error:
            if error.answer.status != 400:
                raise
            return error
        return None


def _timeout(inputs: Mapping[str, Any]) -> float:
    return float(inputs.get("timeout") or DEFAULT_TIMEOUT)


def _target(inputs: Mapping[str, Any]) -> Target:
    """The target that checked inputs declare."""
    return next(
        Target(kind, inputs[name]) for name, kind in _KINDS.items() if inputs.get(name) is not None
    )


def _named(id_: str) -> Target:
    aim = target.parse(id_)
    if aim is None:
        raise SettingsError(
            [
                "id: must be servicePrincipals/<object id> or applications/<object id>, where the"
                " object id is a GUID."
            ]
        )
    return aim
