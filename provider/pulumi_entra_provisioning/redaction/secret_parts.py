"""The parts of a credential's value that are secret, by its key."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .encodings import ESCAPES, RUN, SHORTEST, from_base64, from_hex
from .text import compact

_DEPTH: Final = 4
"""How many times a secret is decoded or taken apart."""

_ARMOR: Final = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]{1,40}-----")
_JWT: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/]")
_OPEN_PARTS: Final = frozenset(
    """
    accountname address addr applicationname authentication connectiontimeout database datasource
    dbname defaultendpointsprotocol driver encrypt endpoint endpointsuffix host hostname
    initialcatalog integratedsecurity multipleactiveresultsets network networklibrary
    persistsecurityinfo pooling port protocol provider schema server servicename
    sharedaccesskeyname sslmode timeout trustedconnection trustservercertificate uid user userid
    username
    """.split()
)
"""Names in a connection string whose values are no secrets, without their spaces."""


def secret_parts(value: str, depth: int = 0) -> Iterator[str]:
    """The parts of a secret value that must not be shown, each as it stands and decoded."""
    value = _ARMOR.sub(" ", value).strip()
    leaves = _leaves(value)
    if leaves is not None:
        for leaf in leaves:
            if depth < _DEPTH and len(leaf) >= SHORTEST:
                yield from secret_parts(leaf, depth + 1)
        return
    if URL.match(value):
        # Some connectors, such as that of AWS, take their endpoint under the key of a secret.
        yield from _url_parts(value, of_secret=True)
        return
    yield value
    if _JWT.fullmatch(value):
        return  # issuer and subject of a token are no secrets, and Entra quotes them
    for part in (value.partition(":")[2], *_connection_string_parts(value)):
        if len(part) >= SHORTEST:
            yield part
    if depth < _DEPTH:
        for form in _plain_forms(value):
            yield from secret_parts(form, depth + 1)


def _leaves(value: str) -> list[str] | None:
    """The texts and numbers in a JSON object or list, or None if `value` is neither."""
    if not value.startswith(("{", "[")):
        return None
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return None
    found: list[str] = []
    remaining: list[Any] = [document]
    while remaining:
        item = remaining.pop()
        if isinstance(item, dict):
            remaining.extend(item.values())
        elif isinstance(item, list):
            remaining.extend(item)
        elif isinstance(item, (str, int, float)) and not isinstance(item, bool):
            found.append(str(item))
    return found


def _url_parts(url: str, *, of_secret: bool) -> Iterator[str]:
    """The secret parts of a URL or a host; of a URL that is not secret, those that can sign in."""
    try:
        parts = urlsplit(url.strip() if URL.match(url.strip()) else f"//{url.strip()}")
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        yield url
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [value or name for name, value in query if name != "api-version"]
    hidden = [password, parts.fragment, "" if password else user]
    hidden += [text for text in values if of_secret or len(text) >= RUN or not text.isalpha()]
    for text in (parts.query, parts.fragment):
        hidden += _random_pieces(text)
    for segment in parts.path.split("/"):
        hidden += [segment] if of_secret and len(segment) >= RUN else _random_pieces(segment)
    for part in hidden:
        for form in {part, unquote(part)}:
            if len(form) >= SHORTEST:
                yield form


def parts_of_address(url: str) -> Iterator[str]:
    """The parts of a URL or a host that sign in; the rest is no secret."""
    yield from _url_parts(url, of_secret=False)


def _random_pieces(value: str) -> Iterator[str]:
    """The pieces of a text that look as a token does: long, with digits among the letters.

    A GUID has none, as its pieces are short.
    """
    for piece in re.findall(r"[A-Za-z0-9+=]{16,}", value):
        kinds = [unicodedata.category(character) for character in piece]
        pairs = list(pairwise(kinds))
        at_digits = sum((one == "Nd") != (other == "Nd") for one, other in pairs)
        changes = sum(one != other for one, other in pairs)
        if "Nd" in kinds and (at_digits >= 3 or changes * 3 >= len(piece)):
            yield piece


def _connection_string_parts(value: str) -> Iterator[str]:
    """The values in `name=value;name=value` whose names are not known to be harmless.

    A text of another form is one such value.
    """
    secret: list[str] = []
    is_open = True
    for piece in value.split(";"):
        name, equals, text = piece.partition("=")
        if equals and re.fullmatch(r"[\w .-]{2,40}", name.strip()):
            is_open = re.sub(r"[\W_]", "", name).lower() in _OPEN_PARTS
            if not is_open:
                secret.append(text)
        elif secret and not is_open:
            secret[-1] += f";{piece}"
        else:
            secret.append(piece)
            is_open = False
    for text in secret:
        text = text.strip().strip("\"'{}")
        if len(text) >= SHORTEST:
            yield text


def _plain_forms(value: str) -> Iterator[str]:
    """The plain text of a value that was declared in an encoding."""
    whole = compact(value)
    forms = [undo(value) for undo in ESCAPES]
    if re.fullmatch(r"[A-Za-z0-9+/_-]{8,}={0,2}", whole):
        forms += map(_as_text, from_base64(whole.rstrip("="))[:1])
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){8,}", whole):
        forms += map(_as_text, from_hex(whole)[:1])
    for form in forms:
        if form != value and len(form) >= SHORTEST:
            yield form


def _as_text(decoded: bytes) -> str:
    try:
        text = decoded.replace(b"\0", b"").decode()
    except UnicodeDecodeError:
        return ""
    return text if compact(text).isprintable() else ""


def _nothing(value: str) -> Iterator[str]:
    yield from ()


@dataclass(frozen=True)
class Group:
    """Keys of `synchronizationSecret` whose values are treated alike, and the reason.

    `secrets_of` gives the parts of a value that no message may hold.
    """

    secrets_of: Callable[[str], Iterator[str]]
    keys: frozenset[str]
    reason: str


def _group(secrets_of: Callable[[str], Iterator[str]], keys: str, reason: str) -> Group:
    return Group(secrets_of, frozenset(keys.split()), reason)


GROUPS: Final = (
    _group(
        secret_parts,
        "Password SecretToken AppKey ClientSecret ConsumerKey ConsumerSecret TokenKey"
        " Oauth2ClientSecret Oauth2AuthorizationCode Oauth2AccessToken Oauth2RefreshToken"
        " SyncAgentCompatibilityKey",
        "It signs in to the application, or a token is given for it.",
    ),
    _group(secret_parts, "None", "Graph does not say what it is for."),
    _group(
        _connection_string_parts,
        "ConnectionString",
        "Its password or key is secret. The server, the database and the user are what you need to"
        " see when a connection fails.",
    ),
    _group(
        parts_of_address,
        "BaseAddress Url Server Domain Oauth2RedirectUri Oauth2TokenExchangeUri"
        " Oauth2AuthorizationUri",
        "You need to see which host failed. Only the user information, the query, the fragment and"
        " long random segments of the path can sign in.",
    ),
    _group(
        _random_pieces,
        "UserName",
        "You need to see which account failed. Some applications take an API key in its place,"
        " which is long and random.",
    ),
    _group(
        _nothing,
        "ClientIdentifier Oauth2ClientId CompanyId ApplicationTemplateIdentifier InstanceName"
        " SandboxName SystemOfRecord SyncAgentADContainer",
        "It is an id or a name, and opens nothing by itself.",
    ),
    _group(
        _nothing,
        "SyncAll Sandbox UpdateKeyOnSoftDelete EnforceDomain SkipOutOfScopeDeletions"
        " PerformInboundEntitlementGrants HardDeletesEnabled ValidateDomain TestReferences"
        " SingleSignOnType AuthenticationType",
        "It is a flag or one of a few words, such as true, which any message may hold.",
    ),
    _group(
        _nothing,
        "TokenExpiration Oauth2AccessTokenCreationTime SynchronizationSchedule"
        " SyncNotificationSettings",
        "It is a time or a setting.",
    ),
)
"""What is secret, by key. A key that is in no group is treated as Password is."""

SECRETS_OF: Final = {key: group.secrets_of for group in GROUPS for key in group.keys}
