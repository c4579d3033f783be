"""What every front end shares: the steps of a resource's life, on one event loop.

A process keeps one lifecycle for each identity. So a run of many resources requests one token, and
knows what its whole program declares.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
import traceback
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, Final, TypeVar, cast

from .errors import ProvisioningError, SettingsError
from .identity.settings import Settings, settings
from .lifecycle import comparison
from .lifecycle.comparison import Difference
from .lifecycle.inputs import Inputs, check
from .lifecycle.operations import Lifecycle
from .lifecycle.outputs import Outputs
from .remedies import Explained

_T = TypeVar("_T")
_STARTING: Final = threading.Lock()
_CANCELED: Final = "The run was canceled before this step sent anything. Run `pulumi up` again."


class Session:
    """The steps of all resources that one provider of a run has.

    `stack` returns the value of a stack configuration key, or None. `log` takes a line for the
    user's log, `warn` one that asks for action.

    The engine calls from several threads. `check` and `diff` return at once. `start` runs a step on
    the event loop and returns its future, which raises the ProvisioningError of the step. If you
    cancel the future, the step is cancelled. If you cancel the session, all steps end, and each
    still says what it leaves.
    """

    def __init__(
        self,
        stack: Callable[[str], object],
        environment: Mapping[str, str],
        log: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._log = log
        self._warn = warn
        self._running: set[asyncio.Task[Any]] = set()
        # A program without resources needs no settings: the step that needs them reports the error.
        self._settings: Settings | SettingsError
        try:
            self._settings = settings(stack, environment)
        except SettingsError as error:
            self._settings = error

    def check(
        self, urn: str, declared: Mapping[str, Any], *, imported: bool = False
    ) -> tuple[dict[str, Any], list[str]]:
        """The inputs in their one form, and every reason why they or the settings cannot be used.

        `urn` is the resource's. What passes counts as declared by the program of this run. What was
        `imported` may have no credentials yet.
        """
        checked, problems = check(declared, imported=imported)
        failures = [str(Explained(problem, "an-input-is-invalid")) for problem in problems]
        if isinstance(self._settings, SettingsError):
            failures += map(str, self._settings.problems)
        elif not failures:
            self._lifecycle(self._settings).declarations.add(urn, Inputs.of(checked))
        return checked, failures

    def diff(self, old: Outputs, inputs: Inputs) -> Difference:
        """Compare the inputs with what the last step left. Nothing is sent."""
        difference = comparison.diff(old, inputs)
        for warning in difference.warnings:
            self._warn(warning)
        return difference

    def start(self, step: Callable[[Lifecycle], Coroutine[Any, Any, _T]]) -> Future[_T]:
        """Begin a step of a resource: `start(lambda lifecycle: lifecycle.create(inputs))`.

        Raises SettingsError if the settings cannot be used.
        """
        if isinstance(self._settings, SettingsError):
            raise self._settings
        steps = self._lifecycle(self._settings)
        running = self._guarded(step(steps), steps.canceled)
        return asyncio.run_coroutine_threadsafe(running, _event_loop())

    def cancel(self) -> None:
        """End every wait at once, and send nothing more."""
        if isinstance(self._settings, Settings):
            self._lifecycle(self._settings).canceled.set()
            _event_loop().call_soon_threadsafe(self._cancel_running)

    def _cancel_running(self) -> None:
        for task in self._running:
            task.cancel()

    async def _guarded(self, step: Coroutine[Any, Any, _T], canceled: threading.Event) -> _T:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._running.add(task)
        try:
            return await step
        except asyncio.CancelledError:
            if canceled.is_set():
                raise ProvisioningError(_CANCELED) from None
            raise
        except Exception:
            raise
        except BaseException as error:
            # It would end the loop, and every later step would wait forever.
            raise RuntimeError(type(error).__name__) from None
        finally:
            self._running.discard(task)

    def _lifecycle(self, settings: Settings) -> Lifecycle:
        with _STARTING:
            return _started_lifecycle(settings, self._log, self._warn)


def as_provisioning_error(error: BaseException) -> ProvisioningError:
    """`error` as the user reads it.

    The text of an exception that nobody here wrote may hold anything: its place is shown instead.
    """
    if isinstance(error, ProvisioningError):
        return error
    place = traceback.extract_tb(error.__traceback__)[-1]
    return ProvisioningError(
        f"unexpected {type(error).__name__} at {os.path.basename(place.filename)}:{place.lineno}."
        " This is a defect: please report it with this line."
    )


@functools.cache
def _started_lifecycle(
    settings: Settings, log: Callable[[str], None], warn: Callable[[str], None]
) -> Lifecycle:
    return Lifecycle(settings, log, warn)


def _event_loop() -> asyncio.AbstractEventLoop:
    with _STARTING:
        return _started_event_loop()


@functools.cache
def _started_event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="entra-provisioning", daemon=True).start()
    return loop
