"""Errors in Microsoft Graph's words and shape.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from ..assumptions import Assumptions
from ..http.errors import BodyError, ContentTypeError, MethodNotAllowedError, NotEmulatedError
from ..http.exchange import Exchange
from ..http.routing import json_response
from ..tenant import errors as tenant_errors
from ..tenant.errors import TenantError

GRAPH_JSON = (
    "application/json; odata.metadata=minimal; odata.streaming=true;"
    " IEEE754Compatible=false; charset=utf-8"
)

DEFAULT_ERRORS: dict[int, tuple[str, str]] = {
    400: ("Request_BadRequest", "Bad request."),
    401: ("UnknownError", ""),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "Resource does not exist."),
    409: ("Request_ConcurrencyViolation", "The object was changed by another request."),
    429: ("TooManyRequests", "Too many requests."),
    500: ("InternalServerError", "An internal server error has occurred."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The operation timed out."),
}
"""Code and message, by HTTP status."""


class GraphError(Exception):
    """A refusal by Graph: HTTP status, `error.code` and `error.message`, and further headers."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self, *, date: datetime, request_id: str, client_request_id: str) -> dict[str, Any]:
        """The JSON of the answer.

        `client_request_id` is the request id if the client has sent none.
        """
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "innerError": {
                    "date": date.strftime("%Y-%m-%dT%H:%M:%S"),
                    "request-id": request_id,
                    "client-request-id": client_request_id,
                },
            }
        }


def graph_error_response(error: GraphError, exchange: Exchange) -> Response:
    """The answer to the request."""
    body = error.body(
        date=exchange.time,
        request_id=exchange.request_id,
        client_request_id=exchange.client_request_id or exchange.request_id,
    )
    return json_response(body, error.status, GRAPH_JSON, error.headers)


def default_error(status: int, headers: Mapping[str, str] | None = None) -> GraphError:
    """Graph's usual error with this HTTP status."""
    code, message = DEFAULT_ERRORS[status]
    return GraphError(status, code, message, headers)


def bad_request(message: str) -> GraphError:
    """The request is malformed."""
    return GraphError(400, "Request_BadRequest", message)


def not_found(object_id: str) -> GraphError:
    """No object has this id."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects"
        " are not present.",
    )


def unknown_property(name: str, type_name: str) -> GraphError:
    """The body names a property that its type does not have."""
    return bad_request(
        f"The property '{name}' does not exist on type '{type_name}'. Make sure to only use"
        " property names that are defined by the type."
    )


def unknown_selection(name: str, type_name: str) -> GraphError:
    """The query names a property that the type does not have."""
    return GraphError(
        400,
        "BadRequest",
        "Parsing OData Select and Expand failed: Could not find a property named"
        f" '{name}' on type '{type_name}'.",
    )


def nested(
    code: str, message: str | None = None, *, outer: str = "UnknownError", status: int = 400
) -> GraphError:
    """An error of the synchronization service, which Graph wraps as JSON inside `error.message`.

    Seen in https://github.com/microsoftgraph/msgraph-metadata/issues/347. `outer` is Graph's own
    code.
    """
    inner: dict[str, Any] = {
        "code": code,
        "message": message,
        "target": None,
        "details": [],
        "innerError": None,
    }
    return GraphError(status, outer, json.dumps({"error": inner}))


def from_request_error(
    error: BodyError | MethodNotAllowedError | NotEmulatedError,
) -> GraphError:
    """Graph's answer to a request that no operation can serve."""
    if isinstance(error, NotEmulatedError):
        # Graph itself does not answer 501 here, so this error is clearly the emulator's.
        return GraphError(501, "NotImplemented", str(error))
    if isinstance(error, MethodNotAllowedError):
        headers = {"x-ms-resource-unit": "1", "allow": error.allow}
        return GraphError(405, "Request_BadRequest", str(error), headers)
    if isinstance(error, ContentTypeError):
        return bad_request(str(error))
    return GraphError(400, "BadRequest", str(error))


def from_tenant_error(error: TenantError, assumptions: Assumptions) -> GraphError:
    """Graph's answer to a refusal by the tenant."""
    match error:
        case tenant_errors.NotFoundError():
            return not_found(error.id)
        case tenant_errors.MalformedIdError():
            return bad_request(f"Invalid object identifier '{error.id}'.")
        case tenant_errors.PropertyError():
            return _property_error(error)
        case tenant_errors.UnknownApplicationError():
            return bad_request(
                f"The appId '{error.app_id}' of the service principal does not reference a valid"
                " application object."
            )
        case tenant_errors.ServicePrincipalExistsError():
            return GraphError(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "The service principal cannot be created, updated, or restored because the"
                f" service principal name {error.app_id} is already in use.",
            )
        case tenant_errors.OwnerExistsError():
            return bad_request(
                "One or more added object references already exist for the following modified"
                " properties: 'owners'."
            )
        case tenant_errors.UnknownKeyError():
            status, code = assumptions.unknown_key
            return GraphError(status, code, f"Requested value '{error.key}' was not found.")
        case tenant_errors.CredentialsRefusedError():
            refusal = assumptions.credentials_refusal(error.problem)
            return nested(refusal.code, error.message, outer=refusal.outer, status=refusal.status)
        case tenant_errors.SynchronizationError():
            return nested(error.code, error.message)
    raise error


def _property_error(error: tenant_errors.PropertyError) -> GraphError:
    name, type_name = error.name, error.type_name
    if error.problem == "unknown":
        return unknown_property(name, type_name)
    resource = type_name.rpartition(".")[2]
    messages = {
        "read-only": f"Property '{name}' is read-only and cannot be set.",
        "null collection": (
            f"A null value was found for the property named '{name}' of {type_name}, a collection,"
            " which does not allow null values."
        ),
        "wrong type": (
            f"Invalid value specified for property '{name}' of resource"
            f" '{resource[0].upper()}{resource[1:]}'."
        ),
        "empty": f"Property '{name}' of {type_name} must not be empty.",
    }
    return bad_request(messages[error.problem])
