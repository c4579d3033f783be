"""The dynamic provider: the engine's calls through `pulumi.dynamic`, translated."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, ParamSpec, TypeVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from .engine import call, process
from .errors import ProvisioningError
from .lifecycle.inputs import Inputs
from .lifecycle.operations import Lifecycle
from .properties import WIRE_NAMES, inputs_of, outputs_of, properties_of
from .session import Session, as_provisioning_error
from .wire import UNKNOWN

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SERIALIZED: Final = "__provider"
"""The property in which Pulumi keeps a dynamic provider, which every later step needs."""


def _failing_clearly(step: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let what fails in `step` reach the engine as one message.

    After a BaseException that is no Exception, the engine would wait forever.
    """

    @functools.wraps(step)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return step(*args, **kwargs)
        except BaseException as error:
            failure = as_provisioning_error(error)
        call.send(str(failure), _to_record(failure, args[-1]))
        raise failure.with_traceback(None) from None

    return wrapped


def _to_record(failure: ProvisioningError, inputs: Any) -> call.Resource | None:
    """The resource to record although its create or update with `inputs` failed."""
    if failure.outputs is None:
        return None
    properties = {**properties_of(failure.outputs), _SERIALIZED: inputs[_SERIALIZED]}
    return call.Resource(failure.outputs["target"], properties)


class ProvisioningAuthorizationProvider(ResourceProvider):
    """The dynamic provider of `ProvisioningAuthorization`.

    Pulumi pickles an instance into the state, by the name of its class. So it holds nothing until
    `configure` runs in the engine's plugin process.
    """

    # That name outlives every module that is renamed or split.
    __module__ = __package__

    # It captures nothing, and encrypting it takes a seventh of the state.
    serialize_as_secret_always = False

    _session: Session

    @_failing_clearly
    def configure(self, req: ConfigureRequest) -> None:
        """Find the settings of the run. The step that needs a missing setting reports it."""
        process.end_with_the_engine()
        self._session = Session(req.config.get, os.environ, _log, _warn)

    @_failing_clearly
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Bring the inputs into their one form, and report everything that is wrong with them."""
        declared = inputs_of(_with_marked_unknowns(news))
        checked, failures = self._session.check(call.urn(), declared)
        # The CLI prints the value of a property that a failure names, even of a secret one.
        return CheckResult(
            properties_of(checked), [CheckFailure("", failure) for failure in failures]
        )

    @_failing_clearly
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare the inputs with what the last step left. Nothing is sent."""
        inputs = Inputs.of(inputs_of(_with_marked_unknowns(news)))
        difference = self._session.diff(outputs_of(olds), inputs)
        # Where the answer is left to the engine, it compares the inputs itself: it then shows which
        # changed, and honours replace_on_changes.
        return DiffResult(
            changes=None if difference.only_inputs_differ else difference.changes,
            replaces=[WIRE_NAMES[name] for name in difference.replaces],
        )

    @_failing_clearly
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Authorize the target."""
        inputs = Inputs.of(inputs_of(props))
        outputs = self._run(lambda lifecycle: lifecycle.create(inputs))
        return CreateResult(outputs.target, properties_of(outputs))

    @_failing_clearly
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Authorize the target again."""
        old, inputs = outputs_of(olds), Inputs.of(inputs_of(news))
        outputs = self._run(lambda lifecycle: lifecycle.update(old, inputs))
        return UpdateResult(properties_of(outputs))

    @_failing_clearly
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look at what Graph holds: for a refresh, or for `ProvisioningAuthorization.get`."""
        old = outputs_of(props) if "target" in props else None
        outputs = self._run(lambda lifecycle: lifecycle.read(id_, old))
        if outputs is None:
            return ReadResult(id_="", outs={})
        return ReadResult(outputs.target, properties_of(outputs))

    @_failing_clearly
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take back what create gave."""
        old = outputs_of(props)
        self._run(lambda lifecycle: lifecycle.delete(old))

    def _run(self, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]) -> _T:
        running = self._session.start(step)
        process.cancel_when_unwanted(running)
        return running.result()


def _log(line: str) -> None:
    """Show a line in the CLI's output, where the engine puts what its plugins write."""
    print(line, file=sys.stderr, flush=True)


def _warn(line: str) -> None:
    # The engine gives a dynamic provider no way to mark a line as a warning.
    _log(f"warning: {line}")


def _with_marked_unknowns(value: Any) -> Any:
    """`value` with the engine's marker instead of the SDK's objects for unknown values."""
    if isinstance(value, pulumi.output.Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _with_marked_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_marked_unknowns(item) for item in value]
    return value
