"""What the directory and the synchronization service of a tenant have in common."""

from __future__ import annotations

from datetime import datetime

from ..assumptions import Assumptions
from ..formats import is_guid
from ..state.model import DirectoryObject, Kind
from ..state.store import Store
from .errors import MalformedIdError, NotFoundError


class Operations:
    """Operations on a tenant's store. Each happens completely or not at all."""

    def __init__(self, store: Store, assumptions: Assumptions) -> None:
        self._store = store
        self._assumptions = assumptions
        self._reading = store.reading
        self._changing = store.changing

    def _now(self) -> datetime:
        return self._store.now()

    def _find(self, kind: Kind, id: str) -> DirectoryObject:
        """The object of this id. NotFoundError or MalformedIdError if there is none."""
        if not is_guid(id):
            raise MalformedIdError(id)
        found = self._store.state.objects[kind].get(id.lower())
        if found is None:
            raise NotFoundError(id)
        return found

    def _find_by_app_id(self, kind: Kind, app_id: str) -> DirectoryObject | None:
        objects = self._store.state.objects[kind].values()
        return next((item for item in objects if item.app_id == app_id.lower()), None)
