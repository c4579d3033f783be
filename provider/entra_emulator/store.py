"""What the parts of a tenant share: one state under one lock, its file, the time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from .assumptions import Assumptions
from .graph_errors import bad_request, not_found
from .state import Kind, State, Target, is_guid, utc_now
from .state_file import StateFile


class Store:
    """A state, kept in its file if it has one."""

    def __init__(
        self,
        state: State,
        *,
        file: StateFile | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.state = state
        self.now = now
        self._file = file
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[State]:
        """The state, which nobody changes meanwhile."""
        with self._lock:
            yield self.state

    @contextmanager
    def changing(self) -> Iterator[State]:
        """The state, to be changed; what was changed is in the file afterwards."""
        with self._lock:
            yield self.state
            if self._file is not None:
                self._file.write(self.state)

    def close(self) -> None:
        """Lets another emulator have the file."""
        if self._file is not None:
            self._file.close()


class Part:
    """A part of a tenant: some of its operations, on the state that all parts share."""

    def __init__(self, store: Store, assumptions: Assumptions) -> None:
        self._store = store
        self._assumptions = assumptions
        self._reading = store.reading
        self._changing = store.changing

    def _now(self) -> datetime:
        return self._store.now()

    def _target(self, kind: Kind, id: str) -> Target:
        if not is_guid(id):
            raise bad_request(f"Invalid object identifier '{id}'.")
        target = self._store.state.targets[kind].get(id.lower())
        if target is None:
            raise not_found(id)
        return target

    def _by_app_id(self, kind: Kind, app_id: str) -> Target | None:
        targets = self._store.state.targets[kind].values()
        return next((target for target in targets if target.app_id == app_id.lower()), None)
