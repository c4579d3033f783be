"""What a client should not have done, according to the journal.

Each rule is Microsoft's or OAuth's; see its link. An answer that a client had not received yet does
not count against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from .journal import Call
from .masking import MASK

_TOLERANCE = 0.05
"""Seconds by which a client and this process may measure the same wait differently."""

_SAME_RUN = 5.0
"""Seconds within which a client needs no second token. Later, it may be another process."""

_EARLY_RENEWAL = 300.0
"""Seconds before its expiry in which a client can renew a token."""


class Rule(Enum):
    """A rule for clients."""

    RETRY_AFTER = "RetryAfterIgnored"
    """https://learn.microsoft.com/graph/throttling#best-practices-to-handle-throttling"""
    SINGLE_USE_CODE = "AuthorizationCodeSentAgain"
    """A code works once: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2"""
    TOKEN_CACHE = "TokenNotReused"  # noqa: S105
    """https://learn.microsoft.com/entra/identity-platform/msal-acquire-cache-tokens"""
    CLIENT_REQUEST_ID = "ClientRequestIdMissing"
    """https://learn.microsoft.com/graph/best-practices-concept#reliability-and-support"""


@dataclass(frozen=True)
class Finding:
    """One thing that a client should not have done, in a sentence without any secret.

    `call` broke the rule; `earlier` is the call that made it wrong, if there is one.
    """

    rule: Rule
    sentence: str
    call: Call
    earlier: Call | None = None


def judge(calls: Iterable[Call], token_lifetime: float) -> list[Finding]:
    """The findings about these calls, in their order.

    `token_lifetime` is the lifetime of the issued tokens in seconds.
    """
    ordered = sorted(calls, key=lambda call: call.time)
    found = [
        *_sent_too_early(ordered),
        *_codes_sent_again(ordered),
        *_tokens_not_reused(ordered, token_lifetime),
        *_without_client_request_id(ordered),
    ]
    return sorted(found, key=lambda finding: finding.call.time)


def _sent_too_early(calls: list[Call]) -> Iterator[Finding]:
    waiting: dict[tuple[object, ...], Call] = {}
    for call in calls:
        # A masked path may stand for different paths.
        if MASK in call.path:
            continue
        key = (call.method, call.path, call.user_agent, *sorted(call.query.items()))
        earlier = waiting.get(key)
        if earlier and earlier.retry_after is not None and _is_same_client(earlier, call):
            waited = (call.time - earlier.answered).total_seconds()
            if 0 <= waited < earlier.retry_after - _TOLERANCE:
                sentence = (
                    f"{call.method} {call.path} was sent again after {waited:.2f} s; the"
                    f" {earlier.status} before it asked for {earlier.retry_after:g} s."
                )
                yield Finding(Rule.RETRY_AFTER, sentence, call, earlier)
        if call.retry_after is not None:
            waiting[key] = call


def _codes_sent_again(calls: list[Call]) -> Iterator[Finding]:
    used: dict[str, Call] = {}
    for call in calls:
        code = call.authorization_code
        if code is None:
            continue
        if code in used:
            earlier = used[code]
            sentence = (
                f"{call.method} {call.path} sent an Oauth2AuthorizationCode that an earlier call"
                f" ({_outcome(earlier)}) may have used already."
            )
            yield Finding(Rule.SINGLE_USE_CODE, sentence, call, earlier)
        elif _may_have_acted(call):
            used[code] = call


def _tokens_not_reused(calls: list[Call], token_lifetime: float) -> Iterator[Finding]:
    issued: dict[tuple[object, ...], Call] = {}
    for call in calls:
        if call.status == 401:
            # After a 401, a client is right to get a new token.
            issued.clear()
        if call.client_id is None or not call.path.endswith("/oauth2/v2.0/token"):
            continue
        key = (call.client_id, call.user_agent, (call.body or {}).get("scope"))
        earlier = issued.get(key)
        if earlier:
            age = (call.time - earlier.answered).total_seconds()
            if 0 <= age < min(_SAME_RUN, token_lifetime - _EARLY_RENEWAL):
                sentence = (
                    f"Client {call.client_id} requested a token {age:.2f} s after it got one"
                    f" for {token_lifetime:g} s."
                )
                yield Finding(Rule.TOKEN_CACHE, sentence, call, earlier)
        if call.status == 200 and call.was_served:
            issued[key] = call


def _without_client_request_id(calls: list[Call]) -> Iterator[Finding]:
    for call in calls:
        if call.path.startswith("/v1.0/") and call.client_request_id is None:
            sentence = f"{call.method} {call.path} has no client-request-id that is a GUID."
            yield Finding(Rule.CLIENT_REQUEST_ID, sentence, call)


def _is_same_client(one: Call, other: Call) -> bool:
    return one.client_id == other.client_id or None in (one.client_id, other.client_id)


def _may_have_acted(call: Call) -> bool:
    """Whether the service may have acted, as far as the client knows: only a 4xx rules it out."""
    return call.status is None or call.was_dropped or not 400 <= call.status < 500


def _outcome(call: Call) -> str:
    return "without an answer" if call.status is None or call.was_dropped else str(call.status)
