"""Applications, service principals, their owners and the gallery that they come from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from . import properties, templates
from .graph_errors import GraphError, bad_request, not_found
from .state import KINDS, Kind, State, Target, is_guid
from .store import Part
from .templates import GALLERY


class Directory(Part):
    """The objects of a tenant. Owners are object ids of service principals here, or of clients."""

    # The gallery

    def application_templates(self) -> list[dict[str, Any]]:
        """Graph's `applicationTemplate`s."""
        return [templates.application_template(template) for template in GALLERY.values()]

    def application_template(self, id: str) -> dict[str, Any]:
        """Graph's `applicationTemplate` of that id."""
        if id.lower() not in GALLERY:
            raise not_found(id)
        return templates.application_template(GALLERY[id.lower()])

    def instantiate(
        self, template_id: str, display_name: str, *, owner: str | None = None
    ) -> dict[str, Any]:
        """Graph's `applicationServicePrincipal`: a new application and its service principal.

        https://learn.microsoft.com/graph/api/applicationtemplate-instantiate
        """
        template = self.application_template(template_id)
        with self._changing():
            application = self._add(
                self._new("applications", str(uuid.uuid4()), display_name), owner, ()
            )
            application.template_id = template["id"]
            principal = self._add(self._principal_of(application), owner, ())
            principal.properties["tags"] = ["WindowsAzureActiveDirectoryIntegratedApp"]
            return {
                "application": self._document(application),
                "servicePrincipal": self._document(principal),
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

        `given` are further properties, `owner` the object id of whoever creates it.

        https://learn.microsoft.com/graph/api/application-post-applications
        """
        with self._changing():
            target = self._new("applications", str(uuid.uuid4()), display_name)
            self._give(target, given or {})
            return self._document(self._add(target, owner, owners))

    def create_service_principal(
        self,
        app_id: str,
        given: Mapping[str, Any] | None = None,
        *,
        owner: str | None = None,
        owners: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Graph's `servicePrincipal` of an application here: id, appId, displayName and more.

        https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals
        """
        with self._changing():
            application = self._by_app_id("applications", app_id)
            if application is None:
                raise bad_request(
                    f"The appId '{app_id}' of the service principal does not reference a valid"
                    " application object."
                )
            if self._by_app_id("servicePrincipals", app_id):
                raise GraphError(
                    409,
                    "Request_MultipleObjectsWithSameKeyValue",
                    "The service principal cannot be created, updated, or restored because the"
                    f" service principal name {app_id} is already in use.",
                )
            target = self._principal_of(application)
            self._give(target, given or {})
            return self._document(self._add(target, owner, owners))

    def objects(self, kind: Kind, where: tuple[str, str] | None = None) -> list[dict[str, Any]]:
        """Graph's objects of a kind, oldest first; `where` is a property and its value."""
        with self._reading() as state:
            objects = [self._document(target) for target in state.targets[kind].values()]
        if where is None:
            return objects
        name, text = where
        return [item for item in objects if str(item[name]).lower() == text.lower()]

    def get(self, kind: Kind, id: str) -> dict[str, Any]:
        """Graph's object of that object id."""
        with self._reading():
            return self._document(self._target(kind, id))

    def get_beta(self, kind: Kind, id: str) -> dict[str, Any]:
        """The object as Graph's beta endpoint has it."""
        with self._reading():
            target = self._target(kind, id)
            return properties.beta_document(target, self._document(target))

    def object_id(self, kind: Kind, app_id: str) -> str:
        """The object id of the application, or of the service principal, with that appId."""
        with self._reading():
            target = self._by_app_id(kind, app_id)
        if target is None:
            raise not_found(app_id)
        return target.id

    def update(self, kind: Kind, id: str, given: Mapping[str, Any]) -> None:
        """Gives the object these properties, and of a complex one only what is named within it.

        https://learn.microsoft.com/graph/api/application-update
        """
        with self._changing():
            self._give(self._target(kind, id), given)

    def update_beta(self, kind: Kind, id: str, given: Mapping[str, Any]) -> None:
        """As `update`, with the properties that only the beta endpoint knows."""
        properties.check(kind, properties.BETA_PROPERTIES[kind], given)
        known = properties.PROPERTIES[kind]
        with self._changing():
            target = self._target(kind, id)
            self._give(target, {name: value for name, value in given.items() if name in known})
            properties.merge(
                target.beta, {name: value for name, value in given.items() if name not in known}
            )

    def delete(self, kind: Kind, id: str) -> None:
        """Moves the object to the deleted items, without its secrets and jobs.

        https://learn.microsoft.com/graph/api/application-delete
        """
        with self._changing() as state:
            target = self._target(kind, id)
            self._bury(state, target)
            principal = self._by_app_id("servicePrincipals", target.app_id)
            if principal and self._assumptions.deleted_application_takes_service_principal:
                self._bury(state, principal)

    # Deleted items

    def deleted(self, id: str) -> dict[str, Any]:
        """Graph's object among the deleted items, with its `@odata.type`.

        https://learn.microsoft.com/graph/api/directory-deleteditems-get
        """
        with self._reading():
            return self._typed(self._deleted(id))

    def delete_for_good(self, id: str) -> None:
        """Removes the object from the deleted items.

        https://learn.microsoft.com/graph/api/directory-deleteditems-delete
        """
        with self._changing() as state:
            del state.deleted[self._deleted(id).id]

    # Owners

    def owners(self, kind: Kind, id: str) -> list[dict[str, Any]]:
        """Graph's `directoryObject`s that own the object, each with its `@odata.type`."""
        with self._reading():
            owners = [self._directory_object(owner) for owner in self._target(kind, id).owners]
        return [owner for owner in owners if owner is not None]

    def add_owner(self, kind: Kind, id: str, owner_id: str) -> None:
        """Makes an object of the directory an owner.

        https://learn.microsoft.com/graph/api/serviceprincipal-post-owners
        """
        with self._changing():
            target = self._target(kind, id)
            if self._known_owner(owner_id) in target.owners:
                raise bad_request(
                    "One or more added object references already exist for the following modified"
                    " properties: 'owners'."
                )
            target.owners.append(owner_id.lower())

    def remove_owner(self, kind: Kind, id: str, owner_id: str) -> None:
        """Ends an ownership.

        https://learn.microsoft.com/graph/api/serviceprincipal-delete-owners
        """
        with self._changing():
            target = self._target(kind, id)
            if owner_id.lower() not in target.owners:
                raise not_found(owner_id)
            target.owners.remove(owner_id.lower())

    def directory_object(self, id: str) -> dict[str, Any]:
        """Graph's object of that id, whatever its kind, with its `@odata.type`."""
        if not is_guid(id):
            raise bad_request(f"Invalid object identifier '{id}'.")
        with self._reading():
            found = self._directory_object(id.lower())
        if found is None:
            raise not_found(id)
        return found

    # How it is done

    def _new(self, kind: Kind, app_id: str, display_name: str) -> Target:
        return Target(kind, str(uuid.uuid4()), app_id, display_name, self._now())

    def _principal_of(self, application: Target) -> Target:
        target = self._new("servicePrincipals", application.app_id, application.display_name)
        return replace(target, template_id=application.template_id)

    def _add(self, target: Target, owner: str | None, owners: Iterable[str]) -> Target:
        listed = [self._known_owner(id) for id in owners]
        if owner is not None and self._assumptions.creator_becomes_owner:
            listed.append(owner.lower())
        target.owners = list(dict.fromkeys(listed))
        self._store.state.targets[target.kind][target.id] = target
        return target

    def _give(self, target: Target, given: Mapping[str, Any]) -> None:
        properties.check(target.kind, properties.PROPERTIES[target.kind], given)
        rest = dict(given)
        if "displayName" in rest:
            name = rest.pop("displayName")
            if not name:
                raise bad_request(
                    f"Property 'displayName' of {properties.TYPE_NAMES[target.kind]} must not be"
                    " empty."
                )
            target.display_name = name
            principal = self._by_app_id("servicePrincipals", target.app_id)
            if principal is not None:
                principal.display_name = name
        properties.merge(target.properties, rest)

    def _document(self, target: Target) -> dict[str, Any]:
        application = None
        if target.kind == "servicePrincipals":
            application = self._by_app_id("applications", target.app_id)
        return properties.document(target, application, self._store.state.tenant_id)

    def _typed(self, target: Target) -> dict[str, Any]:
        type_name = properties.TYPE_NAMES[target.kind]
        return {"@odata.type": f"#{type_name}", **self._document(target)}

    def _directory_object(self, id: str) -> dict[str, Any] | None:
        state = self._store.state
        for kind in KINDS:
            if id in state.targets[kind]:
                return self._typed(state.targets[kind][id])
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

    def _known_owner(self, id: str) -> str:
        if not is_guid(id):
            raise bad_request(f"Invalid object identifier '{id}'.")
        if self._directory_object(id.lower()) is None:
            raise not_found(id)
        return id.lower()

    def _deleted(self, id: str) -> Target:
        if not is_guid(id):
            raise bad_request(f"Invalid object identifier '{id}'.")
        target = self._store.state.deleted.get(id.lower())
        if target is None:
            raise not_found(id)
        return target

    def _bury(self, state: State, target: Target) -> None:
        del state.targets[target.kind][target.id]
        state.deleted[target.id] = replace(
            target, secrets={}, jobs={}, authorized=None, deleted=self._now()
        )
