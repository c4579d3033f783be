"""The page for a person at `/`: who is authorized since when, the tenant's objects, the calls.

HTML without a script, from `page.html.jinja`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ..clock import Clock
from ..disturb.faults import Faults
from ..state.model import KINDS, Kind
from ..tenant.errors import TenantError
from ..tenant.tenant import Tenant
from .journal import Journal, keys_of
from .judgement import Finding
from .masking import MASK

_MAX_CALLS = 200
_NOUNS: dict[Kind, str] = {
    "applications": "application",
    "servicePrincipals": "service principal",
}


@dataclass(frozen=True)
class _ListedObject:
    """An application or a service principal, as the page lists it."""

    kind: Kind
    id: str
    app_id: str
    display_name: str
    secret_keys: list[str]
    jobs: list[dict[str, Any]]


class Page:
    """Renders the page."""

    def __init__(
        self,
        tenant: Tenant,
        url: str,
        *,
        clock: Clock,
        faults: Faults,
        journal: Journal,
        judgement: Callable[[], list[Finding]],
    ) -> None:
        self._tenant = tenant
        self._url = url
        self._clock = clock
        self._faults = faults
        self._journal = journal
        self._judgement = judgement

    def render(self) -> str:
        """The page as of now."""
        return _template().render(
            tenant_id=self._tenant.tenant_id,
            url=self._url,
            now=self._clock.now(),
            ahead=self._clock.ahead,
            authorizations=self._tenant.authorizations(),
            objects=list(self._objects()),
            findings=self._judgement()[::-1],
            faults=self._faults.pending,
            calls=self._journal.calls[::-1],
            bodies_dropped=self._journal.bodies_dropped,
        )

    def _objects(self) -> Iterator[_ListedObject]:
        for kind in KINDS:
            for item in self._tenant.objects(kind):
                try:
                    secrets = self._tenant.secrets(kind, item["id"])
                    jobs = self._tenant.jobs(kind, item["id"])
                except TenantError:
                    # Another thread has deleted it since.
                    continue
                yield _ListedObject(
                    kind, item["id"], item["appId"], item["displayName"], list(secrets), jobs
                )


@functools.cache
def _template() -> Template:
    """The template, compiled when a page is first asked for: most emulators never show one."""
    environment = Environment(
        loader=PackageLoader(__package__ or "", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.globals.update(keys_of=keys_of, mask=MASK, max_calls=_MAX_CALLS, nouns=_NOUNS)
    return environment.get_template("page.html.jinja")
