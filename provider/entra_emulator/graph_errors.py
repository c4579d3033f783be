"""Errors in Microsoft Graph's words and shape.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any


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
        """The JSON that Graph answers.

        `client_request_id` is the request id where the client sent none.
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


def bad_request(message: str) -> GraphError:
    """A request that Graph cannot make sense of."""
    return GraphError(400, "Request_BadRequest", message)


def not_found(object_id: str) -> GraphError:
    """There is no object of that id."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects"
        " are not present.",
    )


def unknown_property(name: str, type_name: str) -> GraphError:
    """A body names a property that its type has not."""
    return bad_request(
        f"The property '{name}' does not exist on type '{type_name}'. Make sure to only use"
        " property names that are defined by the type."
    )


def unknown_selection(name: str, type_name: str) -> GraphError:
    """A query names a property that the type has not."""
    return GraphError(
        400,
        "BadRequest",
        "Parsing OData Select and Expand failed: Could not find a property named"
        f" '{name}' on type '{type_name}'.",
    )


def nested(
    code: str, message: str | None = None, *, outer: str = "UnknownError", status: int = 400
) -> GraphError:
    """An error of the synchronization service, which Graph hands on as JSON inside `error.message`.

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


def not_implemented(what: str) -> GraphError:
    """What the emulator does not know.

    Graph itself never answers 501 here, so it can't be mistaken for Graph's word.
    """
    return GraphError(
        501, "NotImplemented", f"The emulator does not know {what}. Microsoft Graph may."
    )
