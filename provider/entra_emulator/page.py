"""The page for a person at `/`: what the tenant holds, who is authorized since when, the calls.

Plain HTML without a script. Everything that comes from outside is escaped, and of secrets there are
only the names of their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from .faults import Fault
from .graph_errors import GraphError
from .journal import MASK, Call, keys_of
from .state import KINDS, Kind

if TYPE_CHECKING:
    from .server import Emulator

_CALLS_SHOWN = 200
_NOUNS: dict[Kind, str] = {
    "applications": "application",
    "servicePrincipals": "service principal",
}

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --bad: #c62828; --good: #2e7d32 }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p, ul { margin: .3rem 0 } ul { padding-left: 1.2rem }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere }
.quiet { color: var(--quiet) } .bad { color: var(--bad) } .good { color: var(--good) }
article, li.call { border-top: 1px solid var(--line); padding: .5rem 0 }
ol { list-style: none; margin: 0; padding: 0 }
.status { display: inline-block; font-weight: 600; min-width: 2.5rem }
""".strip()


def page(emulator: Emulator) -> str:
    """The whole page, as it is at this moment."""
    return "\n".join(_lines(emulator))


def _lines(emulator: Emulator) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Entra emulator</title><style>{_STYLE}</style></head><body>"
    yield "<header><h1>Entra emulator</h1>"
    yield f"<p>Tenant {_code(emulator.tenant.tenant_id)} at {_code(emulator.url)}</p>"
    ahead = emulator.clock.ahead
    moved = f", {ahead:g} s ahead of this machine" if ahead else ""
    yield f'<p class="quiet">{_moment(emulator.clock.now())}{moved}</p></header><main>'
    yield from _section("Authorized", "authorized", _authorizations(emulator), "Nobody yet.")
    yield from _section("In the tenant", "objects", _objects(emulator), "Nothing.")
    findings = [f"<li>{escape(f.sentence)}</li>" for f in reversed(emulator.judgement())]
    if findings:
        shown = ['<ul class="bad">', *findings[:_CALLS_SHOWN], "</ul>"]
        yield from _section("What the client should not have done", "judgement", shown)
    pending = emulator.faults.pending
    if pending:
        items = ["<ul>", *(f"<li>{_fault(fault)}</li>" for fault in pending), "</ul>"]
        yield from _section("Faults to come", "faults", items)
    yield from _section("Calls, the latest first", "calls", _calls(emulator), "None yet.")
    yield "</main></body></html>"


def _section(heading: str, id: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    yield f'<section id="{id}"><h2>{heading}</h2>'
    yield from list(lines) or [f'<p class="quiet">{otherwise}</p>']
    yield "</section>"


def _authorizations(emulator: Emulator) -> Iterator[str]:
    for item in emulator.tenant.authorizations():
        yield f"<article><p><strong>{escape(item.display_name)}</strong> {_NOUNS[item.kind]}"
        yield f'<span class="good">since {_moment(item.authorized_at)}</span></p>'
        yield f"<p>{_code(item.id)}</p></article>"


def _objects(emulator: Emulator) -> Iterator[str]:
    tenant = emulator.tenant
    for kind in KINDS:
        for item in tenant.objects(kind):
            try:
                secrets, jobs = tenant.secrets(kind, item["id"]), tenant.jobs(kind, item["id"])
            except GraphError:
                # Deleted since it was listed.
                continue
            yield f"<article><p><strong>{escape(item['displayName'])}</strong> {_NOUNS[kind]}</p>"
            yield f"<p>id {_code(item['id'])}<br>appId {_code(item['appId'])}</p>"
            if secrets:
                keys = ", ".join(f"{_code(key)} {MASK}" for key in secrets)
                yield f"<p>secrets: {keys}</p>"
            for job in jobs:
                code = job["status"]["code"]
                look = "bad" if code == "Quarantine" else "quiet"
                yield f'<p>job {_code(job["id"])} <span class="{look}">{escape(code)}</span></p>'
            yield "</article>"


def _calls(emulator: Emulator) -> Iterator[str]:
    calls = emulator.journal.calls
    if not calls:
        return
    yield "<ol>"
    for call in calls[: -_CALLS_SHOWN - 1 : -1]:
        yield from _call(call)
    yield "</ol>"
    if dropped := emulator.journal.bodies_dropped:
        yield f'<p class="quiet">The bodies of {dropped} calls were too large to keep.</p>'
    if len(calls) > _CALLS_SHOWN:
        yield f'<p class="quiet">… and {len(calls) - _CALLS_SHOWN} earlier calls.</p>'


def _call(call: Call) -> Iterator[str]:
    look = "good" if call.status and call.status < 400 else "bad"
    status = call.status or "closed"
    yield f'<li class="call"><span class="status {look}">{status}</span>'
    yield f"{escape(call.method)} {_code(call.path)}"
    keys = ", ".join(keys_of(call.body))
    notes = [
        _moment(call.time),
        f"client {call.client_id}" if call.client_id else "",
        f"keys: {keys}" if keys else "",
        f"scripted: {call.fault}" if call.fault else "",
    ]
    shown = escape(" · ".join(note for note in notes if note))
    yield f'<br><span class="quiet">{shown}</span></li>'


def _fault(fault: Fault) -> str:
    target = f" of {fault.target}" if fault.target else ""
    return escape(f"{fault.summary}: {fault.method} {fault.path}{target}")


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
