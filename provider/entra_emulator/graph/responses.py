"""Graph's responses: entities and collections, with their OData annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from ..entra.authority import Authority
from ..http.routing import json_response
from . import queries
from .errors import GRAPH_JSON
from .routing import GraphRequest


class GraphResponses:
    """Makes the responses of one Graph, whose URL the annotations contain."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def entity(
        self, context: str, item: dict[str, Any], status: int = 200, version: str = "v1.0"
    ) -> Response:
        """One entity of a collection."""
        return self.value(f"{context}/$entity", item, status, version)

    def selected_entity(
        self,
        context: str,
        item: dict[str, Any],
        request: GraphRequest,
        type_name: str,
        version: str = "v1.0",
    ) -> Response:
        """One entity, with the properties that the request selects."""
        query = request.exchange.query
        queries.check_options(query, {"$select"})
        return self.entity(context, queries.select(item, query, type_name), version=version)

    def value(
        self, context: str, item: dict[str, Any], status: int = 200, version: str = "v1.0"
    ) -> Response:
        """A value of a complex type."""
        metadata = f"{self._authority.url}/{version}/$metadata"
        annotated = {"@odata.context": f"{metadata}#{context}", **item}
        return json_response(annotated, status, GRAPH_JSON)

    def collection(
        self,
        context: str,
        items: list[dict[str, Any]],
        annotations: Mapping[str, Any] | None = None,
    ) -> Response:
        """A whole collection."""
        return self.value(context, {**(annotations or {}), "value": items})

    def page(
        self, context: str, items: list[dict[str, Any]], request: GraphRequest, type_name: str
    ) -> Response:
        """The page of a collection that the request asks for, with a link to the next one."""
        exchange = request.exchange
        eventual = exchange.headers.get("consistencylevel", "").lower() == "eventual"
        shown, annotations = queries.page(items, exchange.query, type_name, counts=eventual)
        if "@odata.nextLink" in annotations:
            query = {name: text for name, text in exchange.query.items() if name != "$skip"}
            query["$skiptoken"] = annotations["@odata.nextLink"]
            url = f"{self._authority.url_for(exchange.headers.get('host'))}{exchange.path}"
            annotations["@odata.nextLink"] = f"{url}?{urlencode(query, safe='$')}"
        return self.collection(context, shown, annotations)


def no_content() -> Response:
    """204."""
    return Response(status_code=204)
