"""The Pulumi side: the resource `ProvisioningAuthorization` and its dynamic provider."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, overload

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from . import engine, engine_status, wire
from .errors import ProvisioningError, SettingsError
from .identity.settings import Settings, settings
from .lifecycle import operations as lifecycle
from .lifecycle.operations import Authorization, Lifecycle

if TYPE_CHECKING:
    from .credentials import DeclaredCredentials

_P = ParamSpec("_P")
_T = TypeVar("_T")

_INPUTS: Final = (
    "application_id",
    "service_principal_id",
    "credentials",
    "triggers",
    "job_id",
    "restart_job",
    "expires_at",
    "timeout",
)
_SERIALIZED: Final = "__provider"
"""The property in which Pulumi keeps a dynamic provider, which every later step needs."""

_OUTPUTS: Final = tuple(field.name for field in dataclasses.fields(Authorization))


# The one mapping between the names of Python and those of the engine's wire and state.
_WIRE_NAMES: Final = {name: wire.camel_case(name) for name in (*_INPUTS, *_OUTPUTS)}
_PYTHON_NAMES: Final = {wire_name: name for name, wire_name in _WIRE_NAMES.items()}


class ProvisioningAuthorization(
    Resource, module="entra-provisioning", name="ProvisioningAuthorization"
):
    """Authorizes the Microsoft Entra provisioning service to provision users into an application.

    Creating it, and updating it, calls Microsoft Graph's `synchronization: acquireAccessToken` for
    an application or a service principal. Destroying it empties the declared keys, and the tokens
    that the action stored; `retain_on_delete` leaves them.

    https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
    """

    __module__ = __package__

    application_id: pulumi.Output[str | None]
    """Object id of the application, where that is the target: a GUID."""

    service_principal_id: pulumi.Output[str | None]
    """Object id of the service principal, where that is the target: a GUID."""

    triggers: pulumi.Output[Any]
    """The values whose change authorizes again."""

    job_id: pulumi.Output[str | None]
    """The synchronization job that verifies the credentials."""

    restart_job: pulumi.Output[bool | None]
    """Whether that job is taken out of a quarantine once the target is authorized."""

    expires_at: pulumi.Output[str | None]
    """When the credentials expire, as declared."""

    target: pulumi.Output[str]
    """What is authorized: `servicePrincipals/<object id>` or `applications/<object id>`."""

    credential_keys: pulumi.Output[Sequence[str]]
    """The keys of the declared credentials, sorted."""

    stored_keys: pulumi.Output[Sequence[str] | None]
    """Those of the declared keys and of the action's tokens that Graph held right after, sorted."""

    authorized_at: pulumi.Output[str | None]
    """When it was last authorized by this stack: RFC 3339, UTC."""

    authorized_by: pulumi.Output[str | None]
    """Client id of the caller who last authorized it; of a signed-in user, the object id."""

    cloud: pulumi.Output[str]
    """The national cloud: `global`, `usgovernmentl4`, `usgovernmentl5` or `china`."""

    request_id: pulumi.Output[str | None]
    """Graph's id of the last authorization, for Microsoft support."""

    client_request_id: pulumi.Output[str | None]
    """Our id of the last authorization, as it stands in Graph's logs."""

    revision: pulumi.Output[int]
    """How many times this resource has authorized its target."""

    status: pulumi.Output[str]
    """`Authorized`, `Quarantined`, `CredentialsMissing` or `Unknown`, as last seen."""

    verification: pulumi.Output[str | None]
    """`Valid`, or `Failed:` with status and code, where `job_id` is given."""

    keys_to_empty: pulumi.Output[Sequence[str]]
    """Keys that are no longer declared and that Graph still holds: the next `up` empties them."""

    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        service_principal_id: pulumi.Input[str],
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        application_id: pulumi.Input[str],
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...

    def __init__(
        self,
        resource_name: str,
        *,
        service_principal_id: pulumi.Input[str] | None = None,
        application_id: pulumi.Input[str] | None = None,
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an authorization of exactly one target.

        :param resource_name: the resource's name in the stack.
        :param service_principal_id: object id of the service principal: a GUID, or
            `/servicePrincipals/<GUID>` as pulumi-azuread has it. A change replaces.
        :param application_id: object id of the application: a GUID, or `/applications/<GUID>` as
            pulumi-azuread has it. A change replaces.
        :param credentials: keys of Graph's `synchronizationSecret` and their values, as a mapping
            or as Graph's own list of `{"key": …, "value": …}`; never empty. A value may be
            `from_environment(…)` or `from_file(…)`. Type checkers compare a literal mapping with
            `Credentials`; wrap one that the program computes in `pulumi.Output.secret(…)`. Always
            made secret. A change authorizes again.
        :param triggers: any plain values; a change authorizes again with the same credentials.
        :param job_id: a synchronization job of the target, which then tries the credentials; what
            it says stands in `verification`. A change verifies, without another authorization.
        :param restart_job: with `job_id`: once the credentials are authorized and verified, a job
            that is in quarantine for its credentials is restarted. A change does nothing.
        :param expires_at: when the credentials expire: a date or a date and time of RFC 3339.
            Preview and up warn from 30 days before. A change sends nothing.
        :param timeout: seconds that create and update may take, waits included; 300 unless given.
        :param opts: Pulumi's resource options.

        A deployment that fails shows a `RequestError` or a `SettingsError`; wrong inputs are
        reported in the preview, before anything is sent.
        """
        self._declare(
            resource_name,
            {
                "application_id": application_id,
                "service_principal_id": service_principal_id,
                "credentials": pulumi.Output.secret(credentials).apply(_with_nothing_dropped),
                "triggers": triggers,
                "job_id": job_id,
                "restart_job": restart_job,
                "expires_at": expires_at,
                "timeout": timeout,
            },
            opts,
        )

    @staticmethod
    def get(
        resource_name: str, id: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> ProvisioningAuthorization:
        """Look at an authorization that this stack does not manage.

        :param resource_name: the name that it has in the stack.
        :param id: `servicePrincipals/<object id>` or `applications/<object id>`.
        :param opts: Pulumi's resource options.
        """
        looked_at = ProvisioningAuthorization.__new__(ProvisioningAuthorization)
        looked_at._declare(
            resource_name,
            {},
            pulumi.ResourceOptions.merge(
                opts,
                pulumi.ResourceOptions(id=pulumi.Output.unsecret(pulumi.Output.from_input(id))),
            ),
        )
        return looked_at

    def _declare(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        Resource.__init__(
            self,
            ProvisioningAuthorizationProvider(),
            resource_name,
            # A property that is not named here would not become an attribute.
            {**dict.fromkeys((*_INPUTS, *_OUTPUTS)), **inputs},
            pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(
                    additional_secret_outputs=["credentials_digest", "used_codes"]
                ),
                opts,
            ),
        )

    def translate_input_property(self, prop: str) -> str:
        """The wire name of a Python name."""
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The Python name of a wire name."""
        return _PYTHON_NAMES.get(prop, prop)


def _failing_clearly(step: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let what goes wrong in `step` reach the engine as one message.

    The engine waits for ever after a BaseException that is no Exception. The text of an exception
    that nobody here wrote may hold anything.
    """

    @functools.wraps(step)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        failure: ProvisioningError
        try:
            return step(*args, **kwargs)
        except ProvisioningError as error:
            failure = error
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = ProvisioningError(
                f"unexpected {type(error).__name__} at {os.path.basename(place.filename)}:"
                f"{place.lineno}. This is a defect: please report it with this line."
            )
        engine_status.send(str(failure), _to_record(failure, args[-1]))
        raise failure.with_traceback(None) from None

    return wrapped


def _to_record(failure: ProvisioningError, inputs: Any) -> engine_status.Resource | None:
    """What the state has to hold of a resource whose create or update with `inputs` failed."""
    if failure.outputs is None:
        return None
    properties = {**_wire(failure.outputs), _SERIALIZED: inputs[_SERIALIZED]}
    return engine_status.Resource(failure.outputs["target"], properties)


class ProvisioningAuthorizationProvider(ResourceProvider):
    """The dynamic provider of `ProvisioningAuthorization`: the engine's calls, translated.

    An instance is pickled into the state by the name of its class, so it holds nothing until
    `configure` runs in the engine's plugin process.
    """

    # That name outlives every module that is renamed or split.
    __module__ = __package__

    _settings: Settings | SettingsError

    @_failing_clearly
    def configure(self, req: ConfigureRequest) -> None:
        """Find the settings of the run; what is missing is told by the step that needs it."""
        engine.end_with_the_engine()
        try:
            self._settings = settings(req.config.get, os.environ)
        except SettingsError as error:
            self._settings = error

    @_failing_clearly
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Bring the inputs into their one form, or say everything that is wrong with them."""
        inputs, failures = lifecycle.check(_inputs(news))
        if isinstance(self._settings, SettingsError):
            failures += self._settings.problems
        elif not failures:
            _lifecycle(self._settings).declare(engine_status.urn(), inputs)
        # The CLI prints the value of a property that a failure names, even of a secret one.
        return CheckResult(_wire(inputs), [CheckFailure("", failure) for failure in failures])

    @_failing_clearly
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare the inputs with what the last step left. Nothing is sent."""
        difference = lifecycle.diff(_authorization(olds), _inputs(news))
        for warning in difference.warnings:
            _warn(warning)
        # Where the answer is left to the engine it compares the inputs itself: it then shows which
        # changed, and honours replace_on_changes.
        return DiffResult(
            changes=None if difference.only_inputs_differ else difference.changes,
            replaces=[_WIRE_NAMES[name] for name in difference.replaces],
        )

    @_failing_clearly
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Authorize the target."""
        outputs = self._run(lambda steps: steps.create(_inputs(props)))
        return CreateResult(outputs.target, _wire(dataclasses.asdict(outputs)))

    @_failing_clearly
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Authorize the target again."""
        outputs = self._run(lambda steps: steps.update(_authorization(olds), _inputs(news)))
        return UpdateResult(_wire(dataclasses.asdict(outputs)))

    @_failing_clearly
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look at what Graph holds: for a refresh, or for `ProvisioningAuthorization.get`."""
        old = _authorization(props) if "target" in props else None
        outputs = self._run(lambda steps: steps.read(id_, old))
        if outputs is None:
            return ReadResult(id_="", outs={})
        return ReadResult(outputs.target, _wire(dataclasses.asdict(outputs)))

    @_failing_clearly
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take back what create gave."""
        self._run(lambda steps: steps.delete(_authorization(props)))

    def _run(self, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]) -> _T:
        if isinstance(self._settings, SettingsError):
            raise self._settings
        running = asyncio.run_coroutine_threadsafe(
            _on_event_loop(self._settings, step), _event_loop()
        )
        engine.cancel_when_unwanted(running)
        return running.result()


async def _on_event_loop(
    settings: Settings, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]
) -> _T:
    try:
        return await step(_lifecycle(settings))
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        # It would end the loop, and every later step would wait for it for ever.
        raise RuntimeError(type(error).__name__) from None


_STARTING: Final = threading.Lock()


def _lifecycle(settings: Settings) -> Lifecycle:
    """The one lifecycle of an identity in this process, which the engine calls from threads."""
    with _STARTING:
        return _started_lifecycle(settings)


@functools.cache
def _started_lifecycle(settings: Settings) -> Lifecycle:
    return Lifecycle(settings, _log, _warn)


def _log(line: str) -> None:
    """Show a line in the CLI's output, where the engine puts what its plugins write."""
    print(line, file=sys.stderr, flush=True)


def _warn(line: str) -> None:
    # The engine gives a dynamic provider no way to mark a line as a warning.
    _log(f"warning: {line}")


def _event_loop() -> asyncio.AbstractEventLoop:
    """The one event loop of this process, which the engine calls from several threads."""
    with _STARTING:
        return _started_event_loop()


@functools.cache
def _started_event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="entra-provisioning", daemon=True).start()
    return loop


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(props[wire]) for name in _INPUTS if (wire := _WIRE_NAMES[name]) in props}


def _with_nothing_dropped(credentials: Any) -> Any:
    """`credentials` with "" for None, which the SDK would drop with its key, unseen by check."""
    if isinstance(credentials, Mapping):
        return {
            key: "" if value is None else _with_nothing_dropped(value)
            for key, value in credentials.items()
        }
    if isinstance(credentials, list):
        return [_with_nothing_dropped(item) for item in credentials]
    return credentials


def _plain(value: Any) -> Any:
    """`value` with the engine's own marker in place of the SDK's object for an unknown value."""
    if isinstance(value, pulumi.output.Unknown):
        return wire.UNKNOWN
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _authorization(props: Mapping[str, Any]) -> Authorization:
    """The outputs that a step left, of this version or an earlier one."""
    known: dict[str, Any] = {name: props.get(_WIRE_NAMES[name]) for name in _OUTPUTS}
    return Authorization(**{**known, "keys_to_empty": known["keys_to_empty"] or []})


def _wire(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {_WIRE_NAMES[name]: value for name, value in properties.items()}
