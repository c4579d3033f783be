"""The synchronization API: acquireAccessToken, secrets, templates and jobs.

https://learn.microsoft.com/graph/api/resources/synchronization-overview
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from ..tenant.tenant import Tenant
from . import bodies
from .permissions import Permission
from .responses import GraphResponses, no_content
from .routing import GraphRequest, GraphRouting

_JOB = "microsoft.graph.synchronizationJob"
_TEMPLATE = "microsoft.graph.synchronizationTemplate"


class SynchronizationRoutes:
    """The routes below `/synchronization` of an application or a service principal."""

    def __init__(self, tenant: Tenant, routing: GraphRouting, responses: GraphResponses) -> None:
        self._tenant = tenant
        self._responses = responses
        self.routes: list[Route] = [*self._service(routing), *self._jobs(routing)]

    def _service(self, routing: GraphRouting) -> list[Route]:
        read, write = Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE
        path = "/synchronization"
        return [
            *routing.action(f"{path}/acquireAccessToken", write, self._acquire_access_token),
            *routing.of_object("GET", f"{path}/secrets", read, self._get_secrets),
            *routing.of_object("PUT", f"{path}/secrets", write, self._put_secrets),
            *routing.of_object("GET", f"{path}/templates", read, self._list_templates),
            *routing.of_object("GET", f"{path}/templates/{{template}}", read, self._get_template),
        ]

    def _jobs(self, routing: GraphRouting) -> list[Route]:
        read, write = Permission.SYNCHRONIZATION_READ, Permission.SYNCHRONIZATION_WRITE
        jobs, job = "/synchronization/jobs", "/synchronization/jobs/{job}"
        return [
            *routing.of_object("GET", jobs, read, self._list_jobs),
            *routing.of_object("POST", jobs, write, self._create_job),
            *routing.action(f"{jobs}/validateCredentials", write, self._validate_credentials),
            *routing.of_object("GET", job, read, self._get_job),
            *routing.of_object("DELETE", job, write, self._delete_job),
            *routing.action(f"{job}/start", write, self._start_job),
            *routing.action(f"{job}/pause", write, self._pause_job),
            *routing.action(f"{job}/restart", write, self._restart_job),
            *routing.action(f"{job}/provisionOnDemand", write, self._provision_on_demand),
            *routing.action(f"{job}/validateCredentials", write, self._validate_credentials),
        ]

    # Authorization, secrets and templates

    def _acquire_access_token(self, request: GraphRequest) -> Response:
        pairs = bodies.read_pairs(request.exchange.json(), "credentials")
        self._tenant.acquire_access_token(request.kind, request.id, pairs)
        return no_content()

    def _get_secrets(self, request: GraphRequest) -> Response:
        secrets = self._tenant.masked_secrets(request.kind, request.id)
        pairs = [{"key": key, "value": value} for key, value in secrets.items()]
        return self._responses.collection(_context(request, "secrets"), pairs)

    def _put_secrets(self, request: GraphRequest) -> Response:
        pairs = bodies.read_pairs(request.exchange.json(), "value")
        self._tenant.put_secrets(request.kind, request.id, pairs)
        return no_content()

    def _list_templates(self, request: GraphRequest) -> Response:
        found = self._tenant.synchronization_templates(request.kind, request.id)
        return self._responses.page(_context(request, "templates"), found, request, _TEMPLATE)

    def _get_template(self, request: GraphRequest) -> Response:
        template_id = request.path_parameters["template"]
        found = self._tenant.synchronization_template(request.kind, request.id, template_id)
        context = _context(request, "templates")
        return self._responses.selected_entity(context, found, request, _TEMPLATE)

    # Jobs

    def _list_jobs(self, request: GraphRequest) -> Response:
        found = self._tenant.jobs(request.kind, request.id)
        return self._responses.page(_context(request, "jobs"), found, request, _JOB)

    def _create_job(self, request: GraphRequest) -> Response:
        template_id = bodies.read_text(request.exchange.json(), "templateId", _JOB)
        job = self._tenant.create_job(request.id, template_id, kind=request.kind)
        return self._responses.entity(_context(request, "jobs"), job, 201)

    def _get_job(self, request: GraphRequest) -> Response:
        job = self._tenant.job(request.kind, request.id, request.path_parameters["job"])
        return self._responses.selected_entity(_context(request, "jobs"), job, request, _JOB)

    def _delete_job(self, request: GraphRequest) -> Response:
        self._tenant.delete_job(request.kind, request.id, request.path_parameters["job"])
        return no_content()

    def _start_job(self, request: GraphRequest) -> Response:
        self._tenant.start_job(request.kind, request.id, request.path_parameters["job"])
        return no_content()

    def _pause_job(self, request: GraphRequest) -> Response:
        self._tenant.pause_job(request.kind, request.id, request.path_parameters["job"])
        return no_content()

    def _restart_job(self, request: GraphRequest) -> Response:
        scope = bodies.read_reset_scope(request.exchange.json() if request.exchange.body else {})
        job_id = request.path_parameters["job"]
        self._tenant.restart_job(request.kind, request.id, job_id, scope)
        return no_content()

    def _provision_on_demand(self, request: GraphRequest) -> Response:
        object_id, object_type = bodies.read_subject(request.exchange.json())
        job_id = request.path_parameters["job"]
        pair = self._tenant.provision_on_demand(
            request.kind, request.id, job_id, object_id, object_type
        )
        return self._responses.value("microsoft.graph.stringKeyStringValuePair", dict(pair))

    def _validate_credentials(self, request: GraphRequest) -> Response:
        template_id, pairs = bodies.read_validation(request.exchange.json())
        self._tenant.validate_credentials(
            request.kind,
            request.id,
            pairs,
            job_id=request.path_parameters.get("job"),
            template_id=template_id,
        )
        return no_content()


def _context(request: GraphRequest, collection: str) -> str:
    return f"{request.kind}('{request.id}')/synchronization/{collection}"
