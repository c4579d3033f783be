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
from typing import Any, Final, ParamSpec, TypeVar

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

from . import engine, lifecycle
from .errors import ProvisioningError, SettingsError
from .lifecycle import Authorization, Lifecycle
from .settings import Settings, settings

_P = ParamSpec("_P")
_T = TypeVar("_T")

_INPUTS: Final = (
    "application_id",
    "service_principal_id",
    "credentials",
    "triggers",
    "job_id",
    "timeout",
)
_OUTPUTS: Final = tuple(field.name for field in dataclasses.fields(Authorization))


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


# The one mapping between the names of Python and those of the engine's wire and state.
_WIRE_NAMES: Final = {name: _camel_case(name) for name in (*_INPUTS, *_OUTPUTS)}
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

    def __init__(
        self,
        resource_name: str,
        *,
        credentials: pulumi.Input[
            Mapping[str, pulumi.Input[str]] | Sequence[pulumi.Input[Mapping[str, Any]]]
        ],
        application_id: pulumi.Input[str] | None = None,
        service_principal_id: pulumi.Input[str] | None = None,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an authorization of exactly one target.

        :param resource_name: the resource's name in the stack.
        :param credentials: keys of Graph's `synchronizationSecret` and their values, as a mapping
            or as Graph's own list of `{"key": …, "value": …}`; never empty. Always made secret.
            A change authorizes again.
        :param application_id: object id of the application: a GUID, or `/applications/<GUID>` as
            pulumi-azuread has it. A change replaces.
        :param service_principal_id: object id of the service principal: a GUID, or
            `/servicePrincipals/<GUID>` as pulumi-azuread has it. A change replaces.
        :param triggers: any plain values; a change authorizes again with the same credentials.
        :param job_id: a synchronization job of the target, which then tries the credentials; what
            it says stands in `verification`. A change verifies, without another authorization.
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
                pulumi.ResourceOptions(additional_secret_outputs=["credentials_digest"]), opts
            ),
        )

    def translate_input_property(self, prop: str) -> str:
        """The wire name of a Python name."""
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The Python name of a wire name."""
        return _PYTHON_NAMES.get(prop, prop)


def _briefly(step: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let what goes wrong in `step` leave as one short exception without a history.

    The engine prints the whole traceback of an Exception, and waits for ever after any other
    BaseException. The text of an exception that nobody here wrote may hold anything.
    """

    @functools.wraps(step)
    def told(*args: _P.args, **kwargs: _P.kwargs) -> _T:
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
        raise failure.with_traceback(None) from None

    return told


class ProvisioningAuthorizationProvider(ResourceProvider):
    """The dynamic provider of `ProvisioningAuthorization`: the engine's calls, translated.

    An instance is pickled into the state by the name of its class, so it holds nothing until
    `configure` runs in the engine's plugin process.
    """

    # That name outlives every module that is renamed or split.
    __module__ = __package__

    _settings: Settings | SettingsError

    @_briefly
    def configure(self, req: ConfigureRequest) -> None:
        """Find the settings of the run; what is missing is told by the step that needs it."""
        engine.end_with_the_engine()
        try:
            self._settings = settings(req.config.get, os.environ)
        except SettingsError as error:
            self._settings = error

    @_briefly
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Bring the inputs into their one form, or say everything that is wrong with them."""
        inputs, failures = lifecycle.check(_inputs(news))
        if isinstance(self._settings, SettingsError):
            failures += self._settings.problems
        elif not failures:
            _lifecycle(self._settings).declare(inputs)
        # The CLI prints the value of a property that a failure names, even of a secret one.
        return CheckResult(_wire(inputs), [CheckFailure("", failure) for failure in failures])

    @_briefly
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare the inputs with what the last step left. Nothing is sent."""
        difference = lifecycle.diff(_authorization(olds), _inputs(news))
        return DiffResult(
            changes=difference.changes,
            replaces=[_WIRE_NAMES[name] for name in difference.replaces],
        )

    @_briefly
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Authorize the target."""
        outputs = self._run(lambda steps: steps.create(_inputs(props)))
        return CreateResult(outputs.target, _wire(dataclasses.asdict(outputs)))

    @_briefly
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Authorize the target again."""
        outputs = self._run(lambda steps: steps.update(_authorization(olds), _inputs(news)))
        return UpdateResult(_wire(dataclasses.asdict(outputs)))

    @_briefly
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look at what Graph holds: for a refresh, or for `ProvisioningAuthorization.get`."""
        old = _authorization(props) if "target" in props else None
        outputs = self._run(lambda steps: steps.read(id_, old))
        if outputs is None:
            return ReadResult(id_="", outs={})
        return ReadResult(outputs.target, _wire(dataclasses.asdict(outputs)))

    @_briefly
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take back what create gave."""
        self._run(lambda steps: steps.delete(_authorization(props)))

    def _run(self, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]) -> _T:
        if isinstance(self._settings, SettingsError):
            raise self._settings
        running = _on_event_loop(self._settings, step)
        return asyncio.run_coroutine_threadsafe(running, _event_loop()).result()


async def _on_event_loop(
    settings: Settings, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]
) -> _T:
    try:
        return await step(_lifecycle(settings))
    except Exception:
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
    return Lifecycle(settings, _tell)


def _tell(line: str) -> None:
    """Show a line in the CLI's output, where the engine puts what its plugins write."""
    print(line, file=sys.stderr, flush=True)


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
        return lifecycle.UNKNOWN
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _authorization(props: Mapping[str, Any]) -> Authorization:
    """The outputs that a step left, of this version or an earlier one."""
    known: dict[str, Any] = {name: props.get(_WIRE_NAMES[name]) for name in _OUTPUTS}
    return Authorization(**known)


def _wire(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {_WIRE_NAMES[name]: value for name, value in properties.items()}
