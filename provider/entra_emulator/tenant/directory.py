"""Applications, service principals, their owners and the gallery that they come from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..formats import is_guid
from ..state.model import KINDS, DirectoryObject, Kind, State
from . import gallery, properties
from .errors import (
    MalformedIdError,
    NotFoundError,
    OwnerExistsError,
    PropertyError,
    ServicePrincipalExistsError,
    UnknownApplicationError,
)
from .gallery import GALLERY
from .operations import Operations


class Directory(Operations):
    """The objects of a tenant. An owner is the object id of a service principal or of a client."""

    # The gallery

    def application_templates(self) -> list[dict[str, Any]]:
        """Graph's `applicationTemplate`s."""
        return [gallery.application_template(template) for template in GALLERY.values()]

    def application_template(self, id: str) -> dict[str, Any]:
        """Graph's `applicationTemplate` of that id."""
        if id.lower() not in GALLERY:
            raise NotFoundError(id)
        return gallery.application_template(GALLERY[id.lower()])

    def instantiate(
        self, template_id: str, display_name: str, *, owner: str | None = None
    ) -> dict[str, Any]:
        """Graph's `applicationServicePrincipal`: a new application and its service principal.

        https://learn.microsoft.com/graph/api/applicationtemplate-instantiate
        """
        template = self.application_template(template_id)
        with self._changing():
            application = self._add_object(
                self._new_object("applications", str(uuid.uuid4()), display_name), owner, ()
            )
            application.template_id = template["id"]
            principal = self._add_object(self._new_principal_of(application), owner, ())
            principal.properties["tags"] = ["WindowsAzureActiveDirectoryIntegratedApp"]
            return {
                "application": self._representation(application),
                "servicePrincipal": self._representation(principal),
            }

    # Objects

    def create_application(
        self,
        display_name: str,
        given: Mapping[str, Any] | None = None,
        *,
        owner: str | None = None,
        owners: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Graph's `application`: id, appId, displayName and more.

        `given` are further properties, `owner` is the object id of the caller.

        https://learn.microsoft.com/graph/api/application-post-applications
        """
        with self._changing():
            target = self._new_object("applications", str(uuid.uuid4()), display_name)
            self._set_properties(target, given or {})
            return self._representation(self._add_object(target, owner, owners))

    def create_service_principal(
        self,
        app_id: str,
        given: Mapping[str, Any] | None = None,
        *,
        owner: str | None = None,
        owners: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Graph's `servicePrincipal` of an application: id, appId, displayName and more.

        https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals
        """
        with self._changing():
            application = self._find_by_app_id("applications", app_id)
            if application is None:
                raise UnknownApplicationError(app_id)
            if self._find_by_app_id("servicePrincipals", app_id):
                raise ServicePrincipalExistsError(app_id)
            target = self._new_principal_of(application)
            self._set_properties(target, given or {})
            return self._representation(self._add_object(target, owner, owners))

    def objects(self, kind: Kind, where: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        """Graph's objects of a kind, oldest first; `where` filters by a property and its value."""
        with self._reading() as state:
            objects = [self._representation(target) for target in state.objects[kind].values()]
        if where is None:
            return objects
        name, text = where
        return [item for item in objects if str(item[name]).lower() == text.lower()]

    def get(self, kind: Kind, id: str) -> dict[str, Any]:
        """Graph's object of that object id."""
        with self._reading():
            return self._representation(self._find(kind, id))

    def get_beta(self, kind: Kind, id: str) -> dict[str, Any]:
        """Graph's object of that object id, at the beta endpoint."""
        with self._reading():
            target = self._find(kind, id)
            return properties.beta_object(target, self._representation(target))

    def object_id(self, kind: Kind, app_id: str) -> str:
        """The object id of the application, or of the service principal, with that appId."""
        with self._reading():
            target = self._find_by_app_id(kind, app_id)
        if target is None:
            raise NotFoundError(app_id)
        return target.id

    def update(self, kind: Kind, id: str, given: Mapping[str, Any]) -> None:
        """Sets these properties; in a complex one, only those that it names.

        https://learn.microsoft.com/graph/api/application-update
        """
        with self._changing():
            self._set_properties(self._find(kind, id), given)

    def update_beta(self, kind: Kind, id: str, given: Mapping[str, Any]) -> None:
        """Like `update`, with the properties that only the beta endpoint has."""
        properties.check(kind, properties.BETA_PROPERTIES[kind], given)
        known = properties.PROPERTIES[kind]
        with self._changing():
            target = self._find(kind, id)
            self._set_properties(
                target, {name: value for name, value in given.items() if name in known}
            )
            properties.merge(
                target.beta, {name: value for name, value in given.items() if name not in known}
            )

    def delete(self, kind: Kind, id: str) -> None:
        """Moves the object to the deleted items and drops its secrets and jobs.

        https://learn.microsoft.com/graph/api/application-delete
        """
        with self._changing() as state:
            target = self._find(kind, id)
            self._move_to_deleted_items(state, target)
            principal = self._find_by_app_id("servicePrincipals", target.app_id)
            if principal and self._assumptions.deleted_application_takes_service_principal:
                self._move_to_deleted_items(state, principal)

    # Deleted items

    def deleted(self, id: str) -> dict[str, Any]:
        """Graph's object among the deleted items, with its `@odata.type`.

        https://learn.microsoft.com/graph/api/directory-deleteditems-get
        """
        with self._reading():
            return self._typed_representation(self._find_deleted(id))

    def delete_for_good(self, id: str) -> None:
        """Removes the object from the deleted items.

        https://learn.microsoft.com/graph/api/directory-deleteditems-delete
        """
        with self._changing() as state:
            del state.deleted[self._find_deleted(id).id]

    # Owners

    def owners(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `directoryObject`s that own the object, each with its `@odata.type`."""
        with self._reading():
            owners = [self._find_any(owner) for owner in self._find(kind, id).owners]
        return [owner for owner in owners if owner is not None]

    def owner_ids(self, kind: Kind, id: str) -> list[str]:
        """The object ids of the owners."""
        with self._reading():
            return list(self._find(kind, id).owners)

    def deleted_owner_ids(self, id: str) -> list[str]:
        """The object ids of the owners of a deleted item."""
        with self._reading():
            return list(self._find_deleted(id).owners)

    def add_owner(self, kind: Kind, id: str, owner_id: str) -> None:
        """Adds a directory object as an owner.

        https://learn.microsoft.com/graph/api/serviceprincipal-post-owners
        """
        with self._changing():
            target = self._find(kind, id)
            if self._checked_owner(owner_id) in target.owners:
                raise OwnerExistsError
            target.owners.append(owner_id.lower())

    def remove_owner(self, kind: Kind, id: str, owner_id: str) -> None:
        """Removes an owner.

        https://learn.microsoft.com/graph/api/serviceprincipal-delete-owners
        """
        with self._changing():
            target = self._find(kind, id)
            if owner_id.lower() not in target.owners:
                raise NotFoundError(owner_id)
            target.owners.remove(owner_id.lower())

    def directory_object(self, id: str) -> dict[str, Any]:
        """Graph's object of that id, whatever its kind, with its `@odata.type`."""
        if not is_guid(id):
            raise MalformedIdError(id)
        with self._reading():
            found = self._find_any(id.lower())
        if found is None:
            raise NotFoundError(id)
        return found

    # Helpers

    def _new_object(self, kind: Kind, app_id: str, display_name: str) -> DirectoryObject:
        return DirectoryObject(kind, str(uuid.uuid4()), app_id, display_name, self._now())

    def _new_principal_of(self, application: DirectoryObject) -> DirectoryObject:
        target = self._new_object("servicePrincipals", application.app_id, application.display_name)
        return replace(target, template_id=application.template_id)

    def _add_object(
        self, target: DirectoryObject, owner: str | None, owners: Iterable[str]
    ) -> DirectoryObject:
        listed = [self._checked_owner(id) for id in owners]
        if owner is not None and self._assumptions.creator_becomes_owner:
            listed.append(owner.lower())
        target.owners = list(dict.fromkeys(listed))
        self._store.state.objects[target.kind][target.id] = target
        return target

    def _set_properties(self, target: DirectoryObject, given: Mapping[str, Any]) -> None:
        properties.check(target.kind, properties.PROPERTIES[target.kind], given)
        rest = dict(given)
        if "displayName" in rest:
            name = rest.pop("displayName")
            if not name:
                type_name = properties.TYPE_NAMES[target.kind]
                raise PropertyError("displayName", type_name, "empty")
            target.display_name = name
            principal = self._find_by_app_id("servicePrincipals", target.app_id)
            if principal is not None:
                principal.display_name = name
        properties.merge(target.properties, rest)

    def _representation(self, target: DirectoryObject) -> dict[str, Any]:
        application = None
        if target.kind == "servicePrincipals":
            application = self._find_by_app_id("applications", target.app_id)
        return properties.graph_object(target, application, self._store.state.tenant_id)

    def _typed_representation(self, target: DirectoryObject) -> dict[str, Any]:
        type_name = properties.TYPE_NAMES[target.kind]
        return {"@odata.type": f"#{type_name}", **self._representation(target)}

    def _find_any(self, id: str) -> dict[str, Any] | None:
        state = self._store.state
        for kind in KINDS:
            if id in state.objects[kind]:
                return self._typed_representation(state.objects[kind][id])
        for client in state.clients.values():
            if client.object_id == id:
                return {
                    "@odata.type": "#microsoft.graph.servicePrincipal",
                    "id": id,
                    "appId": client.client_id,
                    "displayName": f"Client {client.client_id}",
                    "servicePrincipalType": "Application",
                }
        return None

    def _checked_owner(self, id: str) -> str:
        if not is_guid(id):
            raise MalformedIdError(id)
        if self._find_any(id.lower()) is None:
            raise NotFoundError(id)
        return id.lower()

    def _find_deleted(self, id: str) -> DirectoryObject:
        if not is_guid(id):
            raise MalformedIdError(id)
        target = self._store.state.deleted.get(id.lower())
        if target is None:
            raise NotFoundError(id)
        return target

    def _move_to_deleted_items(self, state: State, target: DirectoryObject) -> None:
        del state.objects[target.kind][target.id]
        state.deleted[target.id] = replace(
            target, secrets={}, jobs={}, authorized=None, deleted=self._now()
        )
