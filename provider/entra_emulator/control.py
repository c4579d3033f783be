"""The emulator's own pages: `/` for a person, `/health`, and `/emulator/…` to steer it.

They are no part of Graph: no fault, no limit and no journal knows of them, and nobody signs in.

    GET  /health                200 {"status":"ok"}
    GET  /emulator/faults       {"faults":[…]}: those to come, in the fields of `Fault`
    POST /emulator/faults       one fault or a list of them, added; answers 201 with all
    DELETE /emulator/faults     forgets them
    GET  /emulator/clock        {"now":"2026-01-01T00:00:00.000000+00:00","ahead":0}
    POST /emulator/clock        {"advance":60} moves it forward
    GET  /emulator/judgement    {"judgement":[…]}: what clients should not have done

A request that can't be understood is 400 {"error":"<a sentence>"}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import documents
from .clock import Clock
from .exchange import Answer, Exchange
from .faults import Faults, read_faults, to_document
from .graph_errors import GraphError
from .judgement import Finding
from .page import page

if TYPE_CHECKING:
    from .server import Emulator

_JSON = "application/json; charset=utf-8"
_PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

Operation = Callable[[Exchange], Answer]


class Control:
    """Answers the requests for the emulator's own pages."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._faults: Faults = emulator.faults
        self._clock: Clock = emulator.clock
        self._pages: dict[str, dict[str, Operation]] = {
            "/": {"GET": self._page},
            "/health": {"GET": self._health},
            "/emulator/faults": {
                "GET": self._get_faults,
                "POST": self._add_faults,
                "DELETE": self._clear_faults,
            },
            "/emulator/clock": {"GET": self._get_clock, "POST": self._advance_clock},
            "/emulator/judgement": {"GET": self._judgement},
        }

    def owns(self, path: str) -> bool:
        """Whether the path is the emulator's own, not Graph's or Entra's."""
        return path in self._pages or path.startswith("/emulator/")

    def answer(self, exchange: Exchange) -> Answer:
        """Answers one request."""
        operations = self._pages.get(exchange.path)
        if operations is None:
            return _refusal(404, f"The emulator's own pages are {', '.join(self._pages)}.")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in operations:
            allowed = ", ".join(operations)
            answer = _refusal(405, f"The methods of {exchange.path} are {allowed}.")
            answer.headers["allow"] = allowed
            return answer
        if exchange.body is None:
            return _refusal(413, "The body is too large.")
        try:
            return operations[method](exchange)
        except GraphError as error:
            return _refusal(400, error.message)
        except ValueError as error:
            return _refusal(400, f"{error}.")

    def _page(self, exchange: Exchange) -> Answer:
        return Answer(200, dict(_PAGE_HEADERS), page(self._emulator).encode())

    def _health(self, exchange: Exchange) -> Answer:
        return Answer.json(200, {"status": "ok"}, _JSON)

    def _get_faults(self, exchange: Exchange) -> Answer:
        return self._faults_answer(200)

    def _add_faults(self, exchange: Exchange) -> Answer:
        self._faults.add(*read_faults(exchange.document(), "the body"))
        return self._faults_answer(201)

    def _clear_faults(self, exchange: Exchange) -> Answer:
        self._faults.clear()
        return Answer(204)

    def _faults_answer(self, status: int) -> Answer:
        faults = [to_document(fault) for fault in self._faults.pending]
        return Answer.json(status, {"faults": faults}, _JSON)

    def _get_clock(self, exchange: Exchange) -> Answer:
        now = self._clock.now().isoformat(timespec="microseconds")
        return Answer.json(200, {"now": now, "ahead": self._clock.ahead}, _JSON)

    def _advance_clock(self, exchange: Exchange) -> Answer:
        shapes = {"advance": documents.NUMBER}
        item = documents.fields(exchange.document(), "the body", shapes, needed=shapes)
        self._clock.advance(item["advance"])
        return self._get_clock(exchange)

    def _judgement(self, exchange: Exchange) -> Answer:
        findings = [_shown(finding) for finding in self._emulator.judgement()]
        return Answer.json(200, {"judgement": findings}, _JSON)


def _shown(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.value,
        "sentence": finding.sentence,
        "time": finding.call.time.isoformat(),
        "requestId": finding.call.request_id,
        "earlierRequestId": finding.earlier and finding.earlier.request_id,
    }


def _refusal(status: int, sentence: str) -> Answer:
    return Answer.json(status, {"error": sentence}, _JSON)
