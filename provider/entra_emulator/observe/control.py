"""The emulator's own pages: `/` for a person, `/health`, and `/emulator/…` to control it.

They are not part of Graph: they need no token, and no fault, limit or journal applies to them.

    GET  /health                200 {"status":"ok"}
    GET  /emulator/faults       {"faults":[…]}: the faults to come, with the fields of `Fault`
    POST /emulator/faults       adds one fault or a list of them; answers 201 with all
    DELETE /emulator/faults     removes all faults
    GET  /emulator/clock        {"now":"2026-01-01T00:00:00.000000+00:00","ahead":0}
    POST /emulator/clock        {"advance":60} moves the clock forward
    GET  /emulator/judgement    {"judgement":[…]}: what clients should not have done

The answer to a malformed request is 400 {"error":"<a sentence>"}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from ..clock import Clock
from ..disturb.faults import Faults, fault_fields, read_faults
from ..http.errors import BodyError
from ..http.exchange import Exchange
from ..http.routing import Handler, json_response
from ..input.shapes import NUMBER, checked_fields
from .judgement import Finding

_PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Control:
    """Answers the requests for the emulator's own pages; `render_page` is the one at `/`."""

    def __init__(
        self,
        *,
        clock: Clock,
        faults: Faults,
        judgement: Callable[[], list[Finding]],
        render_page: Callable[[], str],
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._judgement = judgement
        self._render_page = render_page
        self._pages: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._get_page},
            "/health": {"GET": self._get_health},
            "/emulator/faults": {
                "GET": self._get_faults,
                "POST": self._add_faults,
                "DELETE": self._clear_faults,
            },
            "/emulator/clock": {"GET": self._get_clock, "POST": self._advance_clock},
            "/emulator/judgement": {"GET": self._get_judgement},
        }

    def respond(self, exchange: Exchange) -> Response | None:
        """The response of one of these pages; None if the path is not one of them."""
        if exchange.path not in self._pages and not exchange.path.startswith("/emulator/"):
            return None
        handlers = self._pages.get(exchange.path)
        if handlers is None:
            return _error(404, f"The emulator's own pages are {', '.join(self._pages)}.")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in handlers:
            allowed = ", ".join(handlers)
            response = _error(405, f"{exchange.path} supports only {allowed}.")
            response.headers["allow"] = allowed
            return response
        if exchange.body is None:
            return _error(413, "The body is too large.")
        try:
            return handlers[method](exchange)
        except BodyError as error:
            return _error(400, str(error))
        except ValueError as error:
            return _error(400, f"{error}.")

    def _get_page(self, exchange: Exchange) -> Response:
        return Response(self._render_page(), headers=_PAGE_HEADERS)

    def _get_health(self, exchange: Exchange) -> Response:
        return json_response({"status": "ok"})

    def _get_faults(self, exchange: Exchange) -> Response:
        return self._pending_faults(200)

    def _add_faults(self, exchange: Exchange) -> Response:
        self._faults.add(*read_faults(exchange.json(), "the body"))
        return self._pending_faults(201)

    def _clear_faults(self, exchange: Exchange) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    def _pending_faults(self, status: int) -> Response:
        return json_response({"faults": list(map(fault_fields, self._faults.pending))}, status)

    def _get_clock(self, exchange: Exchange) -> Response:
        now = self._clock.now().isoformat(timespec="microseconds")
        return json_response({"now": now, "ahead": self._clock.ahead})

    def _advance_clock(self, exchange: Exchange) -> Response:
        shapes = {"advance": NUMBER}
        fields = checked_fields(exchange.json(), "the body", shapes, required=shapes)
        self._clock.advance(fields["advance"])
        return self._get_clock(exchange)

    def _get_judgement(self, exchange: Exchange) -> Response:
        return json_response({"judgement": list(map(_finding_fields, self._judgement()))})


def _finding_fields(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.value,
        "sentence": finding.sentence,
        "time": finding.call.time.isoformat(),
        "requestId": finding.call.request_id,
        "earlierRequestId": finding.earlier and finding.earlier.request_id,
    }


def _error(status: int, sentence: str) -> Response:
    return json_response({"error": sentence}, status)
