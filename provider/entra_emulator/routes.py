"""The paths of Graph, of the token endpoint and of the third party: from HTTP to the rules.

And back. No rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from . import bodies, queries
from .authority import Authority
from .exchange import GRAPH_JSON, Exchange
from .graph_errors import GraphError, not_implemented
from .permissions import Caller, Permission
from .properties import TYPE_NAMES
from .state import KINDS, Kind, is_guid
from .tenant import Tenant
from .third_party import PATH, ThirdPartyError

_TEMPLATE = "microsoft.graph.applicationTemplate"
_JOB = "microsoft.graph.synchronizationJob"
_SYNC_TEMPLATE = "microsoft.graph.synchronizationTemplate"


@dataclass(frozen=True)
class Asked:
    """A request: who asks, and of which object. `id` is "" where it is about none."""

    request: Request
    caller: Caller
    kind: Kind = "applications"
    id: str = ""

    @property
    def exchange(self) -> Exchange:
        """The exchange that the request is part of."""
        return _exchange(self.request)

    @property
    def query(self) -> dict[str, str]:
        """The query options."""
        return self.exchange.query

    def named(self, parameter: str) -> str:
        """A part of the path."""
        text: str = self.request.path_params[parameter]
        return text


Operation = Callable[[Asked], Response]


class Routes:
    """The ASGI application of every path that the emulator knows.

    Refusals leave it as exceptions.
    """

    def __init__(
        self, tenant: Tenant, authority: Authority, workloads: Iterable[Route] = ()
    ) -> None:
        self._tenant = tenant
        self._authority = authority
        self._router = Router(
            [
                *self._synchronization(),
                *self._jobs(),
                *self._directory(),
                *self._beta(),
                *self._gallery(),
                *self._token_endpoint(),
                *self._third_party(),
                *workloads,
            ],
            redirect_slashes=False,
            default=_unknown,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or raises its refusal."""
        try:
            # Starlette raises for a wrong method only where an application is named, and answers in
            # plain text otherwise.
            await self._router({**scope, "app": self}, receive, send)
        except HTTPException as error:
            raise GraphError(
                error.status_code,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
                {"x-ms-resource-unit": "1", **(error.headers or {})},
            ) from None

    # Which path is which operation

    def _synchronization(self) -> list[Route]:
        read, write = Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE
        of = "/synchronization"
        return [
            *self._action(f"{of}/acquireAccessToken", write, self._acquire_access_token),
            *self._graph("GET", f"{of}/secrets", read, self._get_secrets),
            *self._graph("PUT", f"{of}/secrets", write, self._put_secrets),
            *self._graph("GET", f"{of}/templates", read, self._list_sync_templates),
            *self._graph("GET", f"{of}/templates/{{template}}", read, self._get_sync_template),
        ]

    def _jobs(self) -> list[Route]:
        read, write = Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE
        of, one = "/synchronization/jobs", "/synchronization/jobs/{job}"
        return [
            *self._graph("GET", of, read, self._list_jobs),
            *self._graph("POST", of, write, self._create_job),
            *self._action(f"{of}/validateCredentials", write, self._validate_credentials),
            *self._graph("GET", one, read, self._get_job),
            *self._graph("DELETE", one, write, self._delete_job),
            *self._action(f"{one}/start", write, self._start_job),
            *self._action(f"{one}/pause", write, self._pause_job),
            *self._action(f"{one}/restart", write, self._restart_job),
            *self._action(f"{one}/provisionOnDemand", write, self._provision_on_demand),
            *self._action(f"{one}/validateCredentials", write, self._validate_credentials),
        ]

    def _directory(self) -> list[Route]:
        read, write = Permission.DIRECTORY_READ, Permission.DIRECTORY_WRITE
        collections = [
            Route(f"/v1.0/{kind}{path}", self._endpoint(permission, operation, kind), methods=[m])
            for kind in KINDS
            for m, path, permission, operation in (
                ("GET", "", read, self._list_objects),
                ("POST", "", write, self._create_object),
                ("GET", "/$count", read, self._count_objects),
            )
        ]
        deleted = "/v1.0/directory/deletedItems/{item}"
        return [
            *collections,
            *self._graph("GET", "", read, self._get_object),
            *self._graph("PATCH", "", write, self._update_object),
            *self._graph("DELETE", "", write, self._delete_object),
            *self._graph("GET", "/owners", read, self._list_owners),
            *self._graph("POST", "/owners/$ref", write, self._add_owner),
            *self._graph("DELETE", "/owners/{owner}/$ref", write, self._remove_owner),
            Route(deleted, self._endpoint(read, self._get_deleted), methods=["GET"]),
            Route(deleted, self._endpoint(write, self._delete_for_good), methods=["DELETE"]),
            Route(
                "/v1.0/directoryObjects/{item}",
                self._endpoint(read, self._get_directory_object),
                methods=["GET"],
            ),
        ]

    def _beta(self) -> list[Route]:
        # terraform-provider-azuread reads and sets two properties there that v1.0 has not.
        read, write = Permission.DIRECTORY_READ, Permission.DIRECTORY_WRITE
        return [
            *self._graph("GET", "", read, self._get_beta_object, version="beta"),
            *self._graph("PATCH", "", write, self._update_beta_object, version="beta"),
        ]

    def _gallery(self) -> list[Route]:
        path = "/v1.0/applicationTemplates"
        instantiate = self._endpoint(Permission.DIRECTORY_WRITE, self._instantiate)
        return [
            Route(path, self._endpoint(None, self._list_templates), methods=["GET"]),
            Route(f"{path}/{{item}}", self._endpoint(None, self._get_template), methods=["GET"]),
            Route(f"{path}/{{item}}/instantiate", instantiate, methods=["POST"]),
            Route(f"{path}/{{item}}/microsoft.graph.instantiate", instantiate, methods=["POST"]),
        ]

    def _token_endpoint(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route(
                "/{tenant}/v2.0/.well-known/openid-configuration",
                self._openid_configuration,
                methods=["GET"],
            ),
            Route("/{tenant}/discovery/v2.0/keys", self._keys, methods=["GET"]),
            Route("/common/discovery/instance", self._instance, methods=["GET"]),
        ]

    def _third_party(self) -> list[Route]:
        return [
            Route(f"{PATH}/{{name}}/token", self._third_party_token, methods=["POST"]),
            Route(f"{PATH}/{{name}}/authorize", self._third_party_authorize, methods=["GET"]),
        ]

    def _action(self, path: str, permission: Permission, operation: Operation) -> list[Route]:
        """An action under its name and under its qualified name."""
        before, _, name = path.rpartition("/")
        return [
            *self._graph("POST", path, permission, operation),
            *self._graph("POST", f"{before}/microsoft.graph.{name}", permission, operation),
        ]

    def _graph(
        self,
        method: str,
        path: str,
        permission: Permission,
        operation: Operation,
        *,
        version: str = "v1.0",
    ) -> list[Route]:
        """Below an object of either kind, which is named by its id or by its appId."""
        return [
            Route(
                f"/{version}/{kind}{key}{path}",
                self._endpoint(permission, operation, kind),
                methods=[method],
            )
            for kind in KINDS
            for key in ("/{id}", "(appId='{app_id}')")
        ]

    def _endpoint(
        self, permission: Permission | None, operation: Operation, kind: Kind = "applications"
    ) -> Callable[[Request], Any]:
        """Who calls, whether they may, of which object; then the operation."""

        async def endpoint(request: Request) -> Response:
            caller = self._authority.caller(request.headers.get("authorization"))
            _exchange(request).client_id = caller.client_id
            if permission is not None:
                self._tenant.require(permission, caller)
            parameters = request.path_params
            id = parameters.get("id", "")
            if "app_id" in parameters:
                id = self._tenant.object_id(kind, parameters["app_id"])
            if id and permission is not None:
                self._tenant.require_ownership(permission, caller, kind, id)
            return operation(Asked(request, caller, kind, id))

        return endpoint

    # Synchronization

    def _acquire_access_token(self, asked: Asked) -> Response:
        pairs = bodies.read_pairs(asked.exchange.document(), "credentials")
        self._tenant.acquire_access_token(asked.kind, asked.id, pairs)
        return _nothing()

    def _get_secrets(self, asked: Asked) -> Response:
        secrets = self._tenant.masked_secrets(asked.kind, asked.id)
        pairs = [{"key": key, "value": value} for key, value in secrets.items()]
        return self._collection(f"{asked.kind}('{asked.id}')/synchronization/secrets", pairs)

    def _put_secrets(self, asked: Asked) -> Response:
        pairs = bodies.read_pairs(asked.exchange.document(), "value")
        self._tenant.put_secrets(asked.kind, asked.id, pairs)
        return _nothing()

    def _list_sync_templates(self, asked: Asked) -> Response:
        found = self._tenant.synchronization_templates(asked.kind, asked.id)
        context = f"{asked.kind}('{asked.id}')/synchronization/templates"
        return self._page(context, found, asked, _SYNC_TEMPLATE)

    def _get_sync_template(self, asked: Asked) -> Response:
        found = self._tenant.synchronization_template(asked.kind, asked.id, asked.named("template"))
        context = f"{asked.kind}('{asked.id}')/synchronization/templates"
        return self._selected(context, found, asked, _SYNC_TEMPLATE)

    # Jobs

    def _list_jobs(self, asked: Asked) -> Response:
        found = self._tenant.jobs(asked.kind, asked.id)
        context = f"{asked.kind}('{asked.id}')/synchronization/jobs"
        return self._page(context, found, asked, _JOB)

    def _create_job(self, asked: Asked) -> Response:
        template_id = bodies.read_text(asked.exchange.document(), "templateId", _JOB)
        job = self._tenant.create_job(asked.id, template_id, kind=asked.kind)
        return self._entity(f"{asked.kind}('{asked.id}')/synchronization/jobs", job, 201)

    def _get_job(self, asked: Asked) -> Response:
        job = self._tenant.job(asked.kind, asked.id, asked.named("job"))
        context = f"{asked.kind}('{asked.id}')/synchronization/jobs"
        return self._selected(context, job, asked, _JOB)

    def _delete_job(self, asked: Asked) -> Response:
        self._tenant.delete_job(asked.kind, asked.id, asked.named("job"))
        return _nothing()

    def _start_job(self, asked: Asked) -> Response:
        self._tenant.start_job(asked.kind, asked.id, asked.named("job"))
        return _nothing()

    def _pause_job(self, asked: Asked) -> Response:
        self._tenant.pause_job(asked.kind, asked.id, asked.named("job"))
        return _nothing()

    def _restart_job(self, asked: Asked) -> Response:
        body = asked.exchange.document() if asked.exchange.body else {}
        scope = bodies.read_reset_scope(body)
        self._tenant.restart_job(asked.kind, asked.id, asked.named("job"), scope)
        return _nothing()

    def _provision_on_demand(self, asked: Asked) -> Response:
        object_id, object_type = bodies.read_subject(asked.exchange.document())
        pair = self._tenant.provision_on_demand(
            asked.kind, asked.id, asked.named("job"), object_id, object_type
        )
        context = f"{self._metadata}#microsoft.graph.stringKeyStringValuePair"
        return _json({"@odata.context": context, **pair}, media_type=GRAPH_JSON)

    def _validate_credentials(self, asked: Asked) -> Response:
        template_id, pairs = bodies.read_validation(asked.exchange.document())
        self._tenant.validate_credentials(
            asked.kind,
            asked.id,
            pairs,
            job_id=asked.request.path_params.get("job"),
            template_id=template_id,
        )
        return _nothing()

    # Directory

    def _list_objects(self, asked: Asked) -> Response:
        found = self._tenant.objects(asked.kind)
        return self._page(asked.kind, found, asked, TYPE_NAMES[asked.kind])

    def _count_objects(self, asked: Asked) -> Response:
        found = self._tenant.objects(asked.kind)
        _, annotations = queries.page(
            found, {**asked.query, "$count": "true"}, TYPE_NAMES[asked.kind]
        )
        return Response(str(annotations["@odata.count"]), media_type="text/plain")

    def _create_object(self, asked: Asked) -> Response:
        given, owners = bodies.read_object(asked.exchange.document(), TYPE_NAMES[asked.kind])
        owner = asked.caller.object_id
        if asked.kind == "applications":
            name = bodies.taken_text(given, "displayName", TYPE_NAMES[asked.kind])
            created = self._tenant.create_application(name, given, owner=owner, owners=owners)
        else:
            app_id = bodies.taken_text(given, "appId", TYPE_NAMES[asked.kind])
            created = self._tenant.create_service_principal(
                app_id, given, owner=owner, owners=owners
            )
        return self._entity(asked.kind, created, 201)

    def _get_object(self, asked: Asked) -> Response:
        found = self._tenant.get(asked.kind, asked.id)
        return self._selected(asked.kind, found, asked, TYPE_NAMES[asked.kind])

    def _update_object(self, asked: Asked) -> Response:
        given = bodies.read_changes(asked.exchange.document(), TYPE_NAMES[asked.kind])
        self._tenant.update(asked.kind, asked.id, given)
        return _nothing()

    def _delete_object(self, asked: Asked) -> Response:
        self._tenant.delete(asked.kind, asked.id)
        return _nothing()

    def _get_beta_object(self, asked: Asked) -> Response:
        found = self._tenant.get_beta(asked.kind, asked.id)
        return self._selected(asked.kind, found, asked, TYPE_NAMES[asked.kind], "beta")

    def _update_beta_object(self, asked: Asked) -> Response:
        given = bodies.read_changes(asked.exchange.document(), TYPE_NAMES[asked.kind])
        self._tenant.update_beta(asked.kind, asked.id, given)
        return _nothing()

    def _list_owners(self, asked: Asked) -> Response:
        found = self._tenant.owners(asked.kind, asked.id)
        return self._page("directoryObjects", found, asked, "microsoft.graph.directoryObject")

    def _add_owner(self, asked: Asked) -> Response:
        owner_id = bodies.read_reference(asked.exchange.document())
        self._tenant.add_owner(asked.kind, asked.id, owner_id)
        return _nothing()

    def _remove_owner(self, asked: Asked) -> Response:
        self._tenant.remove_owner(asked.kind, asked.id, asked.named("owner"))
        return _nothing()

    def _get_directory_object(self, asked: Asked) -> Response:
        found = self._tenant.directory_object(asked.named("item"))
        return self._selected("directoryObjects", found, asked, "microsoft.graph.directoryObject")

    def _get_deleted(self, asked: Asked) -> Response:
        found = self._tenant.deleted(asked.named("item"))
        return self._selected("directoryObjects", found, asked, "microsoft.graph.directoryObject")

    def _delete_for_good(self, asked: Asked) -> Response:
        id = asked.named("item")
        write = Permission.DIRECTORY_WRITE
        self._tenant.require_ownership(write, asked.caller, asked.kind, id, deleted=True)
        self._tenant.delete_for_good(id)
        return _nothing()

    # Gallery

    def _list_templates(self, asked: Asked) -> Response:
        found = self._tenant.application_templates()
        return self._page("applicationTemplates", found, asked, _TEMPLATE)

    def _get_template(self, asked: Asked) -> Response:
        found = self._tenant.application_template(asked.named("item"))
        return self._selected("applicationTemplates", found, asked, _TEMPLATE)

    def _instantiate(self, asked: Asked) -> Response:
        name = bodies.read_instance_name(asked.exchange.document())
        made = self._tenant.instantiate(asked.named("item"), name, owner=asked.caller.object_id)
        context = f"{self._metadata}#microsoft.graph.applicationServicePrincipal"
        return _json({"@odata.context": context, **made}, 201, GRAPH_JSON)

    # Graph's documents

    @property
    def _metadata(self) -> str:
        return f"{self._authority.url}/v1.0/$metadata"

    def _page(
        self, context: str, items: list[dict[str, Any]], asked: Asked, type_name: str
    ) -> Response:
        eventual = asked.request.headers.get("consistencylevel", "").lower() == "eventual"
        shown, annotations = queries.page(items, asked.query, type_name, counts=eventual)
        if "@odata.nextLink" in annotations:
            query = {name: text for name, text in asked.query.items() if name != "$skip"}
            query["$skiptoken"] = annotations["@odata.nextLink"]
            path = f"{self._asked_at(asked.request)}{asked.exchange.path}"
            annotations["@odata.nextLink"] = f"{path}?{urlencode(query, safe='$')}"
        return self._collection(context, shown, annotations)

    def _collection(
        self,
        context: str,
        items: list[dict[str, Any]],
        annotations: Mapping[str, Any] | None = None,
    ) -> Response:
        document = {
            "@odata.context": f"{self._metadata}#{context}",
            **(annotations or {}),
            "value": items,
        }
        return _json(document, media_type=GRAPH_JSON)

    def _selected(
        self,
        context: str,
        item: dict[str, Any],
        asked: Asked,
        type_name: str,
        version: str = "v1.0",
    ) -> Response:
        queries.check_options(asked.query, {"$select"})
        return self._entity(context, queries.selected(item, asked.query, type_name), 200, version)

    def _entity(
        self, context: str, item: dict[str, Any], status: int = 200, version: str = "v1.0"
    ) -> Response:
        metadata = f"{self._authority.url}/{version}/$metadata"
        annotated = {"@odata.context": f"{metadata}#{context}/$entity", **item}
        return _json(annotated, status, GRAPH_JSON)

    # Token endpoint

    async def _token(self, request: Request) -> Response:
        exchange = _exchange(request)
        named = (exchange.form or {}).get("client_id", "")
        exchange.client_id = named if is_guid(named) else None
        url = self._asked_at(request)
        return _json(self._authority.token(request.path_params["tenant"], exchange.form, url))

    async def _openid_configuration(self, request: Request) -> Response:
        tenant, url = request.path_params["tenant"], self._asked_at(request)
        return _json(self._authority.openid_configuration(tenant, url))

    async def _instance(self, request: Request) -> Response:
        endpoint = _exchange(request).query.get("authorization_endpoint", "")
        return _json(self._authority.instance(endpoint))

    async def _keys(self, request: Request) -> Response:
        return _json(self._authority.keys(request.path_params["tenant"]))

    def _asked_at(self, request: Request) -> str:
        return self._authority.at(request.headers.get("host"))

    # The third party

    async def _third_party_token(self, request: Request) -> Response:
        authorization = request.headers.get("authorization")
        try:
            answer = self._tenant.third_party.token(_exchange(request).form, authorization)
        except ThirdPartyError as error:
            refusal = _json(error.body, error.status)
            if error.status == 401:
                refusal.headers["www-authenticate"] = 'Basic realm="third-party"'
            return refusal
        response = _json(answer)
        response.headers["cache-control"] = "no-store"
        return response

    async def _third_party_authorize(self, request: Request) -> Response:
        try:
            location = self._tenant.third_party.authorize(_exchange(request).query)
        except ThirdPartyError as error:
            return _json(error.body, 400)
        return Response(status_code=302, headers={"location": location})


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    raise not_implemented(f"the path '{scope['path']}'")


def _nothing() -> Response:
    return Response(status_code=204)


def _json(
    document: Any, status: int = 200, media_type: str = "application/json; charset=utf-8"
) -> Response:
    return Response(json.dumps(document, separators=(",", ":")), status, media_type=media_type)


def _exchange(request: Request) -> Exchange:
    exchange: Exchange = request.scope["emulator.exchange"]
    return exchange
