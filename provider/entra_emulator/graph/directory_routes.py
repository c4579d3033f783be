"""Applications, service principals, their owners, deleted items and application templates."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from ..state.model import KINDS
from ..tenant.properties import TYPE_NAMES
from ..tenant.tenant import Tenant
from . import bodies, queries
from .access import Access
from .permissions import Permission
from .responses import GraphResponses, no_content
from .routing import GraphRequest, GraphRouting

_DIRECTORY_OBJECT = "microsoft.graph.directoryObject"
_TEMPLATE = "microsoft.graph.applicationTemplate"


class DirectoryRoutes:
    """The routes of the directory and of the gallery."""

    def __init__(
        self, tenant: Tenant, access: Access, routing: GraphRouting, responses: GraphResponses
    ) -> None:
        self._tenant = tenant
        self._access = access
        self._responses = responses
        self.routes: list[Route] = [
            *self._objects(routing),
            *self._beta_objects(routing),
            *self._templates(routing),
        ]

    def _objects(self, routing: GraphRouting) -> list[Route]:
        read, write = Permission.DIRECTORY_READ, Permission.DIRECTORY_WRITE
        collections = [
            routing.path(method, f"/v1.0/{kind}{path}", permission, operation, kind)
            for kind in KINDS
            for method, path, permission, operation in (
                ("GET", "", read, self._list_objects),
                ("POST", "", write, self._create_object),
                ("GET", "/$count", read, self._count_objects),
            )
        ]
        deleted, objects = "/v1.0/directory/deletedItems/{item}", "/v1.0/directoryObjects/{item}"
        return [
            *collections,
            *routing.of_object("GET", "", read, self._get_object),
            *routing.of_object("PATCH", "", write, self._update_object),
            *routing.of_object("DELETE", "", write, self._delete_object),
            *routing.of_object("GET", "/owners", read, self._list_owners),
            *routing.of_object("POST", "/owners/$ref", write, self._add_owner),
            *routing.of_object("DELETE", "/owners/{owner}/$ref", write, self._remove_owner),
            routing.path("GET", deleted, read, self._get_deleted_item),
            routing.path("DELETE", deleted, write, self._delete_permanently),
            routing.path("GET", objects, read, self._get_directory_object),
        ]

    def _beta_objects(self, routing: GraphRouting) -> list[Route]:
        # terraform-provider-azuread reads and sets two properties that v1.0 does not have.
        read, write = Permission.DIRECTORY_READ, Permission.DIRECTORY_WRITE
        return [
            *routing.of_object("GET", "", read, self._get_beta_object, version="beta"),
            *routing.of_object("PATCH", "", write, self._update_beta_object, version="beta"),
        ]

    def _templates(self, routing: GraphRouting) -> list[Route]:
        path, write = "/v1.0/applicationTemplates", Permission.DIRECTORY_WRITE
        qualified = f"{path}/{{item}}/microsoft.graph.instantiate"
        return [
            routing.path("GET", path, None, self._list_templates),
            routing.path("GET", f"{path}/{{item}}", None, self._get_template),
            routing.path("POST", f"{path}/{{item}}/instantiate", write, self._instantiate),
            routing.path("POST", qualified, write, self._instantiate),
        ]

    # Applications and service principals

    def _list_objects(self, request: GraphRequest) -> Response:
        found = self._tenant.objects(request.kind)
        return self._responses.page(request.kind, found, request, TYPE_NAMES[request.kind])

    def _count_objects(self, request: GraphRequest) -> Response:
        query = {**request.exchange.query, "$count": "true"}
        found = self._tenant.objects(request.kind)
        _, annotations = queries.page(found, query, TYPE_NAMES[request.kind])
        return Response(str(annotations["@odata.count"]), media_type="text/plain")

    def _create_object(self, request: GraphRequest) -> Response:
        type_name = TYPE_NAMES[request.kind]
        given, owners = bodies.read_object(request.exchange.json(), type_name)
        owner = request.caller.object_id
        if request.kind == "applications":
            name = bodies.pop_text(given, "displayName", type_name)
            created = self._tenant.create_application(name, given, owner=owner, owners=owners)
        else:
            app_id = bodies.pop_text(given, "appId", type_name)
            created = self._tenant.create_service_principal(
                app_id, given, owner=owner, owners=owners
            )
        return self._responses.entity(request.kind, created, 201)

    def _get_object(self, request: GraphRequest) -> Response:
        found = self._tenant.get(request.kind, request.id)
        type_name = TYPE_NAMES[request.kind]
        return self._responses.selected_entity(request.kind, found, request, type_name)

    def _update_object(self, request: GraphRequest) -> Response:
        given = bodies.read_changes(request.exchange.json(), TYPE_NAMES[request.kind])
        self._tenant.update(request.kind, request.id, given)
        return no_content()

    def _delete_object(self, request: GraphRequest) -> Response:
        self._tenant.delete(request.kind, request.id)
        return no_content()

    def _get_beta_object(self, request: GraphRequest) -> Response:
        found = self._tenant.get_beta(request.kind, request.id)
        type_name = TYPE_NAMES[request.kind]
        return self._responses.selected_entity(request.kind, found, request, type_name, "beta")

    def _update_beta_object(self, request: GraphRequest) -> Response:
        given = bodies.read_changes(request.exchange.json(), TYPE_NAMES[request.kind])
        self._tenant.update_beta(request.kind, request.id, given)
        return no_content()

    # Owners, deleted items and directory objects

    def _list_owners(self, request: GraphRequest) -> Response:
        found = self._tenant.owners(request.kind, request.id)
        return self._responses.page("directoryObjects", found, request, _DIRECTORY_OBJECT)

    def _add_owner(self, request: GraphRequest) -> Response:
        owner_id = bodies.read_reference(request.exchange.json())
        self._tenant.add_owner(request.kind, request.id, owner_id)
        return no_content()

    def _remove_owner(self, request: GraphRequest) -> Response:
        self._tenant.remove_owner(request.kind, request.id, request.path_parameters["owner"])
        return no_content()

    def _get_directory_object(self, request: GraphRequest) -> Response:
        found = self._tenant.directory_object(request.path_parameters["item"])
        return self._responses.selected_entity(
            "directoryObjects", found, request, _DIRECTORY_OBJECT
        )

    def _get_deleted_item(self, request: GraphRequest) -> Response:
        found = self._tenant.deleted(request.path_parameters["item"])
        return self._responses.selected_entity(
            "directoryObjects", found, request, _DIRECTORY_OBJECT
        )

    def _delete_permanently(self, request: GraphRequest) -> Response:
        id, write = request.path_parameters["item"], Permission.DIRECTORY_WRITE
        self._access.require_ownership(write, request.caller, request.kind, id, deleted=True)
        self._tenant.delete_for_good(id)
        return no_content()

    # Application templates

    def _list_templates(self, request: GraphRequest) -> Response:
        found = self._tenant.application_templates()
        return self._responses.page("applicationTemplates", found, request, _TEMPLATE)

    def _get_template(self, request: GraphRequest) -> Response:
        found = self._tenant.application_template(request.path_parameters["item"])
        return self._responses.selected_entity("applicationTemplates", found, request, _TEMPLATE)

    def _instantiate(self, request: GraphRequest) -> Response:
        name = bodies.read_instance_name(request.exchange.json())
        template_id, owner = request.path_parameters["item"], request.caller.object_id
        created = self._tenant.instantiate(template_id, name, owner=owner)
        return self._responses.value("microsoft.graph.applicationServicePrincipal", created, 201)
