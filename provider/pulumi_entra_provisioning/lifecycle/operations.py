"""The steps that call Microsoft Graph: create, update, read and delete."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..answers import Answer
from ..errors import ProvisioningError, RequestError, SettingsError, SignInError
from ..graph.retries import Patience
from ..graph.secret_keys import SINGLE_USE, TOKEN_KEYS
from ..graph.target import Target, parse
from ..remedies import SAME_TARGET, Explained
from . import references
from .comparison import compared, follows_up, refuse_used_code, triggers_differ
from .declarations import Declarations
from .digests import credentials_digest, with_code
from .inputs import DEFAULT_TIMEOUT, Inputs
from .outputs import FAILED, NOT_RESTARTED, VALID, Outputs, Status

if TYPE_CHECKING:
    from ..graph.client import Graph
    from ..graph.jobs import Job, Quarantine, Template
    from ..identity.settings import Settings

_T = TypeVar("_T")

_FOLLOW_UP: Final = 20.0
"""Seconds for each call after a successful authorization: a failure there must not cost it."""

_UNEMPTIABLE: Final = "InvalidNotificationSettings"
"""Graph's code for a key that it never empties."""


@dataclass(frozen=True)
class Health:
    """An authorization, whoever made it, as Graph has it now."""

    target: str
    """What is authorized: `servicePrincipals/<object id>` or `applications/<object id>`."""

    status: Status
    """`Authorized`, `Quarantined` or `CredentialsMissing`."""

    stored_keys: Sequence[str]
    """The keys of the credentials that Graph holds, sorted."""

    jobs: Sequence[Job]
    """The synchronization jobs of the target."""


class Lifecycle:
    """The steps that call Microsoft Graph, for one identity, on one event loop.

    `log` takes a line for the user's log, `warn` one that asks for action. Once `canceled` is set,
    no step sends anything more. Every step raises RequestError (or SignInError) if Graph (or Entra)
    refuses or does not answer, and SettingsError if nothing could be sent. The state is then as it
    was before the step, unless the RequestError has `outputs`.
    """

    def __init__(
        self,
        settings: Settings,
        log: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._log = log
        self._warn = warn
        self.canceled = threading.Event()
        self.declarations = Declarations(warn)
        self._turns: defaultdict[Target, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sent_codes: set[str] = set()

    @functools.cached_property
    def _graph(self) -> Graph:
        # msgraph-sdk takes as long to import as all the rest: only what calls Graph pays for it.
        from ..graph.client import Graph

        return Graph(self._settings)

    def _patience(self, seconds: float, *, may_be_new: bool = False) -> Patience:
        return Patience(seconds, self._log, may_be_new=may_be_new, canceled=self.canceled)

    @contextlib.asynccontextmanager
    async def _turn(self, doing: str, target: Target, patience: Patience) -> AsyncIterator[None]:
        """The time in which no other step changes the target."""
        turn = self._turns[target]
        try:
            await asyncio.wait_for(turn.acquire(), patience.left)
        except asyncio.TimeoutError:
            message = "not sent, because another resource of this target used up the timeout"
            answer = Answer(None, "", message, out_of_time=True)
            raise RequestError(f"{doing} {target}", answer, remedy=SAME_TARGET) from None
        try:
            yield
        finally:
            turn.release()

    async def create(self, inputs: Inputs) -> Outputs:
        """Authorize the declared target."""
        patience = self._patience(inputs.timeout, may_be_new=True)
        target, declared = inputs.known()
        nothing = Outputs(str(target), self._settings.cloud)
        async with self._turn("authorizing", target, patience):
            values = references.resolved(declared)
            new = await self._authorize(target, nothing, inputs, values, patience)
            return await self._follow_up(target, new, inputs, values, patience)

    async def update(self, old: Outputs, inputs: Inputs) -> Outputs:
        """Authorize again, and then empty the keys that are no longer declared.

        Where what changed asks for no authorization, do the rest alone.
        """
        patience = self._patience(inputs.timeout)
        target, declared = inputs.known()
        async with self._turn("authorizing", target, patience):
            values = references.resolved(declared)
            credentials = compared(old, declared, values)
            if authorizes := credentials.authorize or triggers_differ(old, inputs):
                refuse_used_code(old, declared, values)
                new = await self._authorize(target, old, inputs, values, patience)
            else:
                new = replace(old, job_id=inputs.job_id, expires_at=inputs.expires_at)
                if credentials.declared_differ:
                    new = replace(new, credentials_digest=credentials_digest(declared, values))
            new = await self._empty_old_keys(target, old, new, patience)
            if authorizes or follows_up(old, inputs):
                new = await self._follow_up(target, new, inputs, values, patience)
            return new

    async def _authorize(
        self,
        target: Target,
        old: Outputs,
        inputs: Inputs,
        values: Mapping[str, str],
        patience: Patience,
    ) -> Outputs:
        """The outputs after the call."""
        used_codes = with_code(old.used_codes, values)
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
        new = Outputs(
            target=str(target),
            credential_keys=sorted(values),
            stored_keys=sorted(values),
            authorized_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            authorized_by=self._graph.caller_id or self._settings.client_id or None,
            cloud=self._settings.cloud,
            request_id=correlation.request_id,
            client_request_id=correlation.client_request_id,
            revision=old.revision + 1,
            status="Authorized",
            credentials_digest=credentials_digest(inputs.credentials, values),
            triggers=inputs.triggers,
            job_id=inputs.job_id,
            expires_at=inputs.expires_at,
            used_codes=used_codes,
        )
        # Reading the keys would double the requests of every create. It is worth it where Graph may
        # hold other keys than the declared ones: it may spend a code, and where a refresh missed
        # keys, it may never have stored them.
        if SINGLE_USE in values or old.status == "CredentialsMissing":
            new, _ = await self._with_stored_keys(target, new, patience)
        return new

    def _refuse_code_of_this_run(self, target: Target, values: Mapping[str, str]) -> None:
        if SINGLE_USE in values and values[SINGLE_USE] in self._sent_codes:
            problem = (
                f'credentials["{SINGLE_USE}"]: another resource of this run has used this'
                f" authorization code, and a code works once. Nothing was sent for {target}. Give"
                " each resource a code of its own, and declare a target once."
            )
            raise SettingsError([Explained(problem, "an-authorization-code-was-used")])

    async def _with_stored_keys(
        self, target: Target, new: Outputs, patience: Patience
    ) -> tuple[Outputs, frozenset[str] | None]:
        """`new`, with those of its keys that Graph holds, and all keys that Graph holds."""
        held = await self._read_keys(target, patience)
        stored = None if held is None else _keys_of_authorization(held, new.credential_keys)
        return replace(new, stored_keys=stored), held

    async def _read_keys(self, target: Target, patience: Patience) -> frozenset[str] | None:
        """The keys that Graph holds, or None: no failure here may cost an authorization."""
        try:
            return await self._graph.secret_keys(target, patience.capped(_FOLLOW_UP))
        except ProvisioningError:
            return None

    async def _empty_old_keys(
        self,
        target: Target,
        old: Outputs,
        new: Outputs,
        patience: Patience,
    ) -> Outputs:
        """`new`, once the keys that nothing declares any longer are emptied.

        What cannot be emptied now is left for the next update: the target is authorized already.
        """
        declared = self.declarations.keys_of(target).union(new.credential_keys)
        obsolete = {*old.credential_keys, *old.keys_to_empty} - declared
        if not obsolete:
            return replace(new, keys_to_empty=[])
        new, held = await self._with_stored_keys(target, new, patience)
        try:
            stay = await self._empty(target, obsolete, patience, held)
        except ProvisioningError as error:
            keys = _listed(obsolete)
            self._warn(error.then(f"The authorization stays. The next `pulumi up` empties {keys}."))
            return replace(new, keys_to_empty=sorted(obsolete))
        self._warn_of_what_stays(target, stay)
        later = sorted(key for key, refusal in stay.items() if refusal.answer.code != _UNEMPTIABLE)
        new = replace(new, keys_to_empty=later)
        # Microsoft does not document that the keys which a PUT does not name stay.
        left = await self._read_keys(target, patience)
        if left is not None and not left.issuperset(new.stored_keys or ()):
            self._warn(f"{target} lost credentials with the emptied keys. Run `pulumi up` again.")
            return replace(new, status="CredentialsMissing")
        return new

    async def _follow_up(
        self,
        target: Target,
        new: Outputs,
        inputs: Inputs,
        values: Mapping[str, str],
        patience: Patience,
    ) -> Outputs:
        """`new`, once the declared job has tried the credentials and left its quarantine.

        No failure here loses the authorization, and the next update tries again.
        """
        if (job_id := inputs.job_id) is None:
            return replace(new, verification=None)
        verification = await self._verify(target, job_id, values, patience)
        new = replace(new, verification=verification)
        if not inputs.restart_job or verification != VALID:
            return new
        try:
            stopped = await self._restart_job(target, job_id, patience)
        except ProvisioningError as error:
            self._warn(error.then("The authorization stays. The next `pulumi up` tries again."))
            return replace(new, status="Quarantined", verification=NOT_RESTARTED)
        return replace(new, status="Quarantined" if stopped else "Authorized")

    async def _restart_job(
        self, target: Target, job_id: str, patience: Patience
    ) -> list[Quarantine]:
        """Take the job out of a quarantine for its credentials; the jobs that provision nobody."""
        quarantines = await self._graph.quarantines(target, patience.capped(_FOLLOW_UP))
        for quarantine in quarantines:
            if quarantine.job_id != job_id:
                continue
            if not quarantine.is_for_credentials:
                self._warn(
                    f"{target}: {quarantine} is not restarted: restart_job restarts only a job that"
                    " is in quarantine for its credentials."
                )
                continue
            await self._graph.restart_job(target, job_id, patience.capped(_FOLLOW_UP))
            self._log(f"restarted job {job_id} of {target}, which was in quarantine")
        return [
            quarantine
            for quarantine in _stopped(quarantines)
            if quarantine.job_id != job_id or not quarantine.is_for_credentials
        ]

    async def _verify(
        self,
        target: Target,
        job_id: str,
        values: Mapping[str, str] | None,
        patience: Patience,
    ) -> str:
        """The outcome of the job's validation of the credentials that Graph holds.

        `values` are those of the credentials, if they are known.
        """
        patience = patience.capped(_FOLLOW_UP)
        try:
            await self._graph.validate_credentials(target, job_id, values, patience)
        except ProvisioningError as error:
            self._warn(error.then("The authorization stays. The next `pulumi up` verifies again."))
            if not isinstance(error, (RequestError, SignInError)):
                return f"{FAILED}: not sent"
            return f"{FAILED}: {error.answer.status or 'no answer'} {error.answer.code}".strip()
        return VALID

    async def read(
        self, id_: str, old: Outputs | None, timeout: float = DEFAULT_TIMEOUT
    ) -> Outputs | None:
        """Look at an authorization. Returns None if its target is gone.

        `id_` is the resource's id. `old` is what the last step left, or None for an authorization
        that the stack only looks at: then a missing target raises RequestError.
        """
        target = _target_of(id_)
        patience = self._patience(timeout)
        held: frozenset[str] | None = None
        jobs = _meanwhile(self._graph.quarantines(target, patience))
        try:
            held = await self._graph.secret_keys(target, patience)
            if old:
                stored = old.stored_keys
                if stored is None:
                    stored = _keys_of_authorization(held, old.credential_keys)
                # Which tokens the action has stored shows here first.
                tokens = TOKEN_KEYS.intersection(held)
                old = replace(old, stored_keys=sorted(tokens.union(stored)))
            if not held.issuperset((old and old.stored_keys) or ()) or not (old or held):
                return self._after_read(target, old, held, "CredentialsMissing")
            quarantines = await jobs
        except RequestError as error:
            gone = error.answer.is_not_found and not await self._graph.exists(target, patience)
            if gone and old:
                return None
            if gone or not (error.answer.is_forbidden or error.answer.is_not_found):
                raise
            self._warn(
                error.then(f"The status of {target} is Unknown until a refresh can read it.")
            )
            return self._after_read(target, old, held, "Unknown")
        finally:
            jobs.cancel()
        failed = (old and old.verification) or ""
        if old and old.job_id and failed.startswith(FAILED) and failed != NOT_RESTARTED:
            verification = await self._verify(target, old.job_id, None, patience)
            old = replace(old, verification=verification)
        stopped = _stopped(quarantines)
        for quarantine in stopped:
            self._warn(_quarantine_warning(target, quarantine))
        return self._after_read(target, old, held, "Quarantined" if stopped else "Authorized")

    def _after_read(
        self, target: Target, old: Outputs | None, held: frozenset[str] | None, status: Status
    ) -> Outputs:
        if old:
            uncertain = status == "Authorized" and old.credentials_digest is None
            return replace(old, status="Unknown" if uncertain else status)
        return Outputs(
            str(target),
            self._settings.cloud,
            credential_keys=sorted(held or ()),
            stored_keys=None if held is None else sorted(held),
            status=status,
        )

    async def templates(self, target: Target) -> Sequence[Template]:
        """The templates of which a synchronization job of the target can be made.

        https://learn.microsoft.com/graph/api/synchronization-synchronization-list-templates
        """
        return await self._graph.templates(target, self._patience(DEFAULT_TIMEOUT))

    async def health(self, target: Target) -> Health:
        """The credentials' keys that Graph holds for the target, and the state of every job."""
        patience = self._patience(DEFAULT_TIMEOUT)
        reading_jobs = _meanwhile(self._graph.jobs(target, patience))
        try:
            held = await self._graph.secret_keys(target, patience)
            jobs = await reading_jobs
        finally:
            reading_jobs.cancel()
        status: Status = "Authorized" if held else "CredentialsMissing"
        if held and _stopped(job.quarantine for job in jobs if job.quarantine):
            status = "Quarantined"
        return Health(str(target), status, sorted(held), jobs)

    async def delete(self, old: Outputs, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Empty the declared keys and the tokens that the action stored; leave the other keys."""
        target = _target_of(old.target)
        patience = self._patience(timeout)
        async with self._turn("emptying credentials of", target, patience):
            ours = set(TOKEN_KEYS).union(old.credential_keys, old.keys_to_empty)
            if target in self.declarations:
                kept = ours & (TOKEN_KEYS | self.declarations.keys_of(target))
                ours -= kept
                kept.intersection_update({*old.credential_keys, *(old.stored_keys or ())})
                self._log(
                    f"the program still declares {target}: keeps"
                    f" {_listed(kept)}; empties {_listed(ours)}"
                )
            try:
                stay = await self._empty(target, ours, patience)
            except RequestError as error:
                if not error.answer.is_not_found or await self._graph.exists(target, patience):
                    raise
            else:
                self._warn_of_what_stays(target, stay)

    def _warn_of_what_stays(self, target: Target, stay: Mapping[str, RequestError]) -> None:
        for key, refusal in stay.items():
            self._warn(f"{key} of {target} was not emptied: {refusal}")

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
                raise  # a caller without read access can still write
        refusals = await self._empty_together_or_singly(target, wanted, patience)
        # What is not known to be refused for its own sake may be refused for another reason.
        if wanted and len(refusals) == len(wanted):
            for refusal in refusals.values():
                if refusal.answer.code != _UNEMPTIABLE:
                    raise refusal
        return refusals

    async def _empty_together_or_singly(
        self, target: Target, keys: Sequence[str], patience: Patience
    ) -> dict[str, RequestError]:
        """Empty `keys`, one by one if Graph refuses them together; why which was refused."""
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
                refused |= await self._empty_together_or_singly(target, [key], patience)
            return refused
        return {}


def _keys_of_authorization(held: frozenset[str], credentials: Iterable[str]) -> list[str]:
    """Those of the keys that Graph holds that an authorization with `credentials` gave it."""
    return sorted(held.intersection(TOKEN_KEYS.union(credentials)))


def _meanwhile(step: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """What runs beside the step that starts it. Its failure counts only if it is awaited."""
    task = asyncio.create_task(step)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


def _stopped(quarantines: Iterable[Quarantine]) -> list[Quarantine]:
    """The jobs that need an administrator.

    Those are in quarantine for their credentials, or Entra disabled them, whatever the reason was.
    """
    return [q for q in quarantines if q.is_for_credentials or q.is_disabled]


def _quarantine_warning(target: Target, quarantine: Quarantine) -> str:
    if quarantine.is_for_credentials:
        remedy = "Renew the credentials, and set job_id and restart_job to restart the job."
    else:
        remedy = "Start it again in the Entra admin center (Enterprise applications, Provisioning)."
    return f"{target} does not provision: {quarantine}. {remedy}"


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)) or "nothing"


def _target_of(id_: str) -> Target:
    target = parse(id_)
    if target is None:
        problem = (
            "id: must be servicePrincipals/<object id> or applications/<object id>, where the"
            " object id is a GUID."
        )
        raise SettingsError([Explained(problem, "an-input-is-invalid")])
    return target
