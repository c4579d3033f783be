"""The provider plugin: the engine's gRPC calls, translated, for programs in every language.

https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/providers/implementers-guide.html
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from .engine import call, process
from .identity.lookup import SETTINGS
from .lifecycle.adoption import adopted, imported
from .lifecycle.comparison import settled
from .lifecycle.inputs import DEFAULT_TIMEOUT, TARGET_INPUTS, Inputs, target_of
from .lifecycle.operations import Lifecycle
from .lifecycle.outputs import Outputs
from .properties import WIRE_NAMES, inputs_of, outputs_of, properties_of
from .session import Session, as_provisioning_error
from .wire import UNKNOWN, camel_case, has_secret, plain, secret

_T = TypeVar("_T")
_Context = grpc.aio.ServicerContext[Any, Any]

_NAMESPACE: Final = "entra-provisioning"

# Marked here, as no program names them with additionalSecretOutputs, nor does an import.
_SECRET_OUTPUTS: Final = frozenset({"credentialsDigest", "usedCodes"})

_REPEATED: Final = ("application_id", "service_principal_id", "restart_job")
"""The inputs that programs read back and that no step has as an output."""

_OF_A_CALL: Final = frozenset(
    {
        "cloud",
        "stored_keys",
        "authorized_at",
        "authorized_by",
        "request_id",
        "client_request_id",
        "revision",
        "status",
        "verification",
    }
)
"""The outputs that only the deployment knows."""

_SHOWN_IN_A_DIFF: Final = (
    "application_id",
    "service_principal_id",
    "credentials",
    "triggers",
    "job_id",
    "expires_at",
)
"""The inputs whose change does something."""

# "Unknown", "internal" and "data loss" would make the engine doubt its whole state.
_FAILED: Final = grpc.StatusCode.ABORTED

_OPTIONS: Final = [
    ("grpc.max_receive_message_length", -1),  # the engine bounds what it sends
    ("grpc.so_reuseport", 0),  # a port of this process alone
]


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The provider with one configuration: every explicit provider has a process of its own.

    Steps run side by side, as many as the engine asks for.
    """

    _engine: process.EngineLog | None = None
    _session: Session | None = None

    def connect(self, address: str) -> None:
        """Log to the engine at `address`, and end with it."""
        if self._engine is None:
            self._engine = process.EngineLog(address)
            process.end_with_the_engine_at(address)

    async def Handshake(  # noqa: N802
        self, request: provider_pb2.ProviderHandshakeRequest, context: _Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Connect to the engine, and tell it what this provider understands."""
        self.connect(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True
        )

    async def Attach(self, request: plugin_pb2.PluginAttach, context: _Context) -> Empty:  # noqa: N802
        """Connect to the engine, for a plugin that it did not start: PULUMI_DEBUG_PROVIDERS."""
        self.connect(request.address)
        return Empty()

    async def GetPluginInfo(self, request: Empty, context: _Context) -> plugin_pb2.PluginInfo:  # noqa: N802
        """The version of the package."""
        return plugin_pb2.PluginInfo(version=version("pulumi-entra-provisioning"))

    async def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: _Context
    ) -> provider_pb2.GetSchemaResponse:
        """What the package declares: https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema."""
        return provider_pb2.GetSchemaResponse(schema=_schema())

    async def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: _Context
    ) -> provider_pb2.CheckResponse:
        """Accept every setting: the step that needs a missing or wrong one reports it."""
        settings = _properties(request.news)
        for name in settings.keys() & {name for name, known in SETTINGS.items() if known.secret}:
            settings[name] = secret(plain(settings[name]))
        return provider_pb2.CheckResponse(inputs=_struct(settings))

    async def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: _Context
    ) -> provider_pb2.DiffResponse:
        """Leave it to the engine to compare settings: whatever changes replaces no resource."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_UNKNOWN)

    async def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: _Context
    ) -> provider_pb2.ConfigureResponse:
        """Take this provider's settings. The step that needs a missing setting reports it."""
        given = plain(_properties(request.args))

        def setting(key: str) -> object:
            # The engine passes a plugin no stack configuration but its own.
            namespace, _, name = key.partition(":")
            return given.get(name) if namespace == _NAMESPACE else None

        self._session = Session(setting, os.environ, self._log, self._warn)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    async def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: _Context
    ) -> provider_pb2.CheckResponse:
        """Bring the inputs into their one form, and report everything that is wrong with them."""
        given, before = _properties(request.news), _inputs(request.olds)
        async with self._step(context, request.urn) as session:
            was_imported = bool(before) and before.get("credentials") is None
            declared = inputs_of(plain(given))
            checked, problems = session.check(request.urn, declared, imported=was_imported)
            if problems:
                # The CLI prints the value of a property that a failure names, even of a secret one.
                failures = [provider_pb2.CheckFailure(reason=problem) for problem in problems]
                return provider_pb2.CheckResponse(inputs=request.news, failures=failures)
            secrets = {name for name, value in given.items() if has_secret(value)}
            properties = _marked(properties_of(checked), {*secrets, "credentials"})
            return provider_pb2.CheckResponse(inputs=_struct(properties))

    async def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: _Context
    ) -> provider_pb2.DiffResponse:
        """Compare the inputs with what the last step left. Nothing is sent."""
        answer = provider_pb2.DiffResponse
        async with self._step(context, request.urn) as session:
            before, after = _inputs(request.old_inputs), _inputs(request.news)
            inputs, last = Inputs.of(after), _last(before)
            difference = session.diff(adopted(_outputs(request.olds), inputs, last), inputs)
            if not difference.changes:
                return answer(changes=answer.DIFF_NONE)
            detailed = _detailed_diff(before, after, difference.replaces)
            return answer(
                changes=answer.DIFF_SOME,
                replaces=[WIRE_NAMES[name] for name in difference.replaces],
                diffs=sorted({path.partition(".")[0] for path in detailed}),
                detailedDiff=detailed,
                hasDetailedDiff=bool(detailed),
            )

    async def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: _Context
    ) -> provider_pb2.CreateResponse:
        """Authorize the target."""
        given = _properties(request.properties)
        async with self._step(context, request.urn, given) as session:
            declared = Inputs.of(_with_timeout(inputs_of(plain(given)), request.timeout))
            if request.preview:
                properties = _struct(_of_outputs(_expected(declared), given))
                return provider_pb2.CreateResponse(properties=properties)
            outputs = await _run(session, lambda lifecycle: lifecycle.create(declared))
            properties = _struct(_of_outputs(outputs, given))
            return provider_pb2.CreateResponse(id=outputs.target, properties=properties)

    async def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: _Context
    ) -> provider_pb2.UpdateResponse:
        """Authorize the target again, or do what else changed."""
        given = _properties(request.news)
        async with self._step(context, request.urn, given) as session:
            declared = Inputs.of(_with_timeout(inputs_of(plain(given)), request.timeout))
            old = adopted(_outputs(request.olds), declared, _last(_inputs(request.old_inputs)))
            outputs: Outputs | Mapping[str, Any]
            if request.preview:
                outputs = settled(old, declared) or _expected(declared)
            else:
                outputs = await _run(session, lambda lifecycle: lifecycle.update(old, declared))
            return provider_pb2.UpdateResponse(properties=_struct(_of_outputs(outputs, given)))

    async def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: _Context
    ) -> provider_pb2.ReadResponse:
        """Look at what Graph holds: for a refresh, for an import, or for a `get`."""
        known, given = _properties(request.properties), _properties(request.inputs)
        async with self._step(context, request.urn) as session:
            old = _outputs(request.properties) if "target" in known else None
            # The stubs of earlier versions of the SDK have no timeout of a read.
            timeout = getattr(request, "timeout", 0) or DEFAULT_TIMEOUT
            found = await _run(session, lambda lifecycle: lifecycle.read(request.id, old, timeout))
            if found is None:
                return provider_pb2.ReadResponse()
            if old is None:
                found = imported(found)
            if not inputs_of(given):
                # No credentials: `pulumi import` would print them.
                given = _target_input(found.target)
            return provider_pb2.ReadResponse(
                id=found.target,
                properties=_struct(_of_outputs(found, {**known, **given})),
                inputs=_struct(given),
            )

    async def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: _Context
    ) -> Empty:
        """Take back what create gave."""
        async with self._step(context, request.urn) as session:
            old, timeout = _outputs(request.properties), request.timeout or DEFAULT_TIMEOUT
            if last := _last(_inputs(request.old_inputs)):
                old = adopted(old, last, last)
            await _run(session, lambda lifecycle: lifecycle.delete(old, timeout))
            return Empty()

    async def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: _Context
    ) -> provider_pb2.InvokeResponse:
        """Call a function of the package."""
        async with self._step(context) as session:
            target = target_of(_inputs(request.args))
            found: Any
            match request.tok.rpartition(":")[2]:
                case "getSynchronizationTemplates":
                    templates = await _run(session, lambda lifecycle: lifecycle.templates(target))
                    found = {"templates": templates}
                case "getAuthorizationStatus":
                    found = await _run(session, lambda lifecycle: lifecycle.health(target))
                case _:
                    message = f"{_NAMESPACE} has no function {request.tok}"
                    await context.abort(grpc.StatusCode.NOT_FOUND, message)
            answer = provider_pb2.InvokeResponse()
            getattr(answer, "return").CopyFrom(_struct(_document(found)))
            return answer

    async def Cancel(self, request: Empty, context: _Context) -> Empty:  # noqa: N802
        """End every wait at once, and send nothing more. Every run ends with it."""
        if self._session:
            self._session.cancel()
        return Empty()

    @contextlib.asynccontextmanager
    async def _step(
        self, context: _Context, urn: str = "", given: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Session]:
        """The session, for a step of the resource `urn`, which declares what is `given`.

        What fails reaches the engine as one message, with what the state has to hold.
        """
        process.current_urn.set(urn)
        try:
            if self._session is None:
                raise RuntimeError("a step before Configure")
            yield self._session
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except BaseException as error:
            failure = as_provisioning_error(error)
        else:
            return
        recorded = None
        if failure.outputs is not None:
            properties = _of_outputs(failure.outputs, given or {})
            recorded = call.Resource(failure.outputs["target"], properties)
        metadata = call.metadata(_FAILED, str(failure), recorded)
        await context.abort(_FAILED, str(failure), metadata)

    def _log(self, line: str) -> None:
        if self._engine:
            self._engine.log(line)

    def _warn(self, line: str) -> None:
        if self._engine:
            self._engine.warn(line)


async def _run(session: Session, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]) -> _T:
    # An engine that no longer waits cancels this, and with it the step.
    return await asyncio.wrap_future(session.start(step))


@functools.cache
def _schema() -> str:
    return (files(__package__) / "schema.json").read_text()


# Properties


def _properties(struct: Struct) -> dict[str, Any]:
    """Properties as the engine sent them, with their marks."""
    return dict(json_format.MessageToDict(struct))


def _inputs(struct: Struct) -> dict[str, Any]:
    return inputs_of(plain(_properties(struct)))


def _last(before: Mapping[str, Any]) -> Inputs | None:
    return Inputs.of(before) if before else None


def _outputs(struct: Struct) -> Outputs:
    return outputs_of(plain(_properties(struct)))


def _struct(properties: Mapping[str, Any]) -> Struct:
    """Properties as the engine takes them, which has none without a value."""
    struct = Struct()
    struct.update({name: value for name, value in properties.items() if value is not None})
    return struct


def _marked(properties: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    return {
        name: secret(value) if name in secrets and value is not None else value
        for name, value in properties.items()
    }


def _of_outputs(outputs: Outputs | Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs as the state has them: with inputs that programs read back, and secrets marked.

    What was `given` as a secret stays one.
    """
    repeated = {WIRE_NAMES[name]: plain(given.get(WIRE_NAMES[name])) for name in _REPEATED}
    secrets = {name for name, value in given.items() if has_secret(value)}
    return _marked({**repeated, **properties_of(outputs)}, {*secrets, *_SECRET_OUTPUTS})


def _expected(declared: Inputs) -> dict[str, Any]:
    """The outputs of a call that a preview does not make, as far as they are known."""
    target, credentials = declared.target, declared.credentials
    return {
        **dict.fromkeys(_OF_A_CALL, UNKNOWN),
        "target": UNKNOWN if target is None else str(target),
        "credential_keys": UNKNOWN if credentials is None else sorted(credentials),
        "triggers": declared.triggers,
        "job_id": declared.job_id,
        "expires_at": declared.expires_at,
        "keys_to_empty": [],
    }


def _with_timeout(inputs: dict[str, Any], seconds: float) -> dict[str, Any]:
    """`inputs`, where Pulumi's custom timeout of this very operation comes first."""
    return {**inputs, "timeout": seconds} if seconds else inputs


def _target_input(target: str) -> dict[str, str]:
    kind, _, object_id = target.partition("/")
    (name,) = (name for name, its_kind in TARGET_INPUTS.items() if its_kind == kind)
    return {WIRE_NAMES[name]: object_id}


def _detailed_diff(
    before: Mapping[str, Any], after: Mapping[str, Any], replaces: Any
) -> dict[str, provider_pb2.PropertyDiff]:
    """What differs between the inputs, key by key of the credentials."""
    kinds = provider_pb2.PropertyDiff
    old, new = _paths(before), _paths(after)
    detailed: dict[str, provider_pb2.PropertyDiff] = {}
    for path in sorted(old.keys() | new.keys()):
        if path in old and path in new and old[path] == new[path]:
            continue
        replacing = path in {WIRE_NAMES[name] for name in replaces}
        if path not in old:
            kind = kinds.ADD_REPLACE if replacing else kinds.ADD
        elif path not in new:
            kind = kinds.DELETE_REPLACE if replacing else kinds.DELETE
        else:
            kind = kinds.UPDATE_REPLACE if replacing else kinds.UPDATE
        detailed[path] = kinds(kind=kind, inputDiff=True)
    return detailed


def _paths(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the inputs by their paths."""
    paths: dict[str, Any] = {}
    for name in _SHOWN_IN_A_DIFF:
        value = inputs.get(name)
        if name == "credentials" and isinstance(value, Mapping):
            paths.update({f"credentials.{key}": item for key, item in value.items()})
        elif value is not None:
            paths[WIRE_NAMES[name]] = value
    return paths


def _document(found: Any) -> Any:
    """What a function returns, with the names of the wire and without what has no value."""
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        found = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    if isinstance(found, Mapping):
        return {
            camel_case(name): _document(value) for name, value in found.items() if value is not None
        }
    return [_document(item) for item in found] if isinstance(found, (list, tuple)) else found


# The process


def main() -> None:
    """Serve the engine that starts this process, until it ends."""
    asyncio.run(_serve(sys.argv[1:]))


async def _serve(arguments: list[str]) -> None:
    plugin = Plugin()
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    # The engine ends its plugins with SIGINT, and kills those that take more than five seconds.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    if arguments:
        plugin.connect(arguments[-1])
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    main()
