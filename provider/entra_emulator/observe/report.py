"""What happened in a run, as text for a person who sees it for the first time.

It shows the names of keys, and no values.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..tenant.synchronization import AuthorizedObject
from .journal import Call, Journal, pairs_of
from .judgement import Finding, Rule

_MAX_CALLS = 40
_MAX_FINDINGS = 5

_NO_CALL = """\
The command made no call to the emulator. Either it had nothing to send, like a preview or an `up`
without changes, or it ignored the environment of `entra-emulator run` and may have called Microsoft
Entra and Microsoft Graph instead."""


def report(
    journal: Journal, findings: list[Finding], authorizations: list[AuthorizedObject]
) -> str:
    """The report: the calls to Graph, the tokens, the findings, and the tenant's authorizations."""
    return "\n".join(_lines(journal, findings, authorizations))


def _lines(
    journal: Journal, findings: list[Finding], authorizations: list[AuthorizedObject]
) -> Iterator[str]:
    tokens = len(journal.select("POST", "*/oauth2/v2.0/token"))
    calls = [call for call in journal.calls if not _is_about_tokens(call)]
    if not journal.calls:
        yield _NO_CALL
    yield "Microsoft Graph received:" if calls else "Microsoft Graph received nothing."
    for call in calls[:_MAX_CALLS]:
        yield from _call_lines(call)
    if dropped := journal.bodies_dropped:
        yield f"  The journal has dropped the bodies of {dropped} calls: they were too large."
    if len(calls) > _MAX_CALLS:
        yield f"  … and {len(calls) - _MAX_CALLS} more calls."
    yield f"Entra received {tokens} token {'request' if tokens == 1 else 'requests'}."
    yield ""
    if findings:
        yield "What the client should not have done:"
        yield from _finding_lines(findings)
        yield ""
    yield "The tenant now holds:" if authorizations else "The tenant holds no authorization."
    for authorization in authorizations:
        yield from _authorization_lines(authorization)


def _is_about_tokens(call: Call) -> bool:
    return call.path.startswith(("/oidc/", "/msi/")) or any(
        part in call.path for part in ("/oauth2/", "/.well-known/", "/discovery/")
    )


def _call_lines(call: Call) -> Iterator[str]:
    outcome = "closed without an answer" if call.status is None else str(call.status)
    fault = f" (scripted: {call.fault})" if call.fault else ""
    yield f"  {call.method} {call.path}: {outcome}{fault}"
    for pair in pairs_of(call.body):
        emptied = " (emptied)" if pair.get("value") in ("", None) else ""
        yield f"      {pair.get('key')}{emptied}"


def _finding_lines(findings: list[Finding]) -> Iterator[str]:
    by_rule: dict[Rule, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for of_rule in by_rule.values():
        for finding in of_rule[:_MAX_FINDINGS]:
            yield f"  {finding.sentence}"
        if len(of_rule) > _MAX_FINDINGS:
            yield f"  … and {len(of_rule) - _MAX_FINDINGS} more times."


def _authorization_lines(authorization: AuthorizedObject) -> Iterator[str]:
    noun = "application" if authorization.kind == "applications" else "service principal"
    since = authorization.authorized_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"  {noun} {authorization.display_name!r} ({authorization.id}), authorized {since}"
    for key in authorization.keys:
        yield f"      {key}"
