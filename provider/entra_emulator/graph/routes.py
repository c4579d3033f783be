"""All paths of Graph that the emulator implements."""

from __future__ import annotations

from starlette.routing import Route

from ..entra.authority import Authority
from ..tenant.tenant import Tenant
from .access import Access
from .directory_routes import DirectoryRoutes
from .responses import GraphResponses
from .routing import GraphRouting
from .synchronization_routes import SynchronizationRoutes


def graph_routes(tenant: Tenant, authority: Authority, access: Access) -> list[Route]:
    """The routes of Graph, for a tenant and the authority that issues its tokens."""
    routing, responses = GraphRouting(tenant, access), GraphResponses(authority)
    return [
        *SynchronizationRoutes(tenant, routing, responses).routes,
        *DirectoryRoutes(tenant, access, routing, responses).routes,
    ]
