"""What a service says, made safe to show: no credential, one line, no effect on what displays it.

A service may quote what it was sent, in any encoding and any number of them. Masking would have to
find each form of each value. This module decodes the text instead: it shows a text only if no
secret can be read in any decoding of it, and otherwise withholds the whole text.
"""

from __future__ import annotations

import binascii
import html
import json
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

WITHHELD: Final = "the message is withheld, because it quotes a credential"
WITHHELD_UNREAD: Final = "the message is withheld, because it may quote a credential"

_LONGEST: Final = 1_000
"""Characters that are shown of a text."""

_READ: Final = 2 * _LONGEST
"""Characters that are read of a text: some of them are removed before it is shown."""

_EFFORT: Final = 60_000
"""Characters that are read of a text in all its decodings: a text that needs more is withheld."""

_RUN: Final = 8
"""Consecutive characters of a secret that no text may hold."""

_SHORTEST: Final = 4
"""Characters of a value, or of a part of one, that are looked for anywhere in a text."""

_DEPTH: Final = 4
"""How many times a secret is decoded or taken apart."""


# What is known of the answers

KNOWN_CODES: Final = frozenset(
    """
    Authorization_RequestDenied BadRequest CredentialValidationUnavailable
    EncounteredBaseEscrowThreshold EncounteredEscrowProportionThreshold
    EncounteredQuarantineException EncounteredTotalEscrowThreshold IngestionInterrupted
    InternalError InternalServerError InvalidAuthenticationToken InvalidCredentials
    InvalidNotificationSettings OAuth2TokenExchangeUriNotSupported QuarantinedOnDemand
    Request_BadRequest Request_ResourceNotFound SalesforceInvalidCredentials ServiceNotAvailable
    SystemForCrossDomainIdentityManagementCredentialValidationFailure
    SystemForCrossDomainIdentityManagementCredentialValidationUnavailable
    SystemForCrossDomainIdentityManagementServiceIncompatible
    TooManyDeletes TooManyRequests UnknownError
    """.split()
)
"""Codes of Graph and of the synchronization service that are shown whatever the secrets are.

https://learn.microsoft.com/graph/errors
"""

_ENTRA_CODE: Final = re.compile(r"AADSTS[0-9]{4,8}")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,127}")
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

_TOKEN: Final = re.compile(
    # A JSON Web Token, or the beginning of one; not a claims challenge, {"access_token": …}, which
    # the Azure CLI is to be given.
    r"(?<![A-Za-z0-9])eyJ(?!hY2Nlc3NfdG9rZW4i)[\w-]{5,}"
    r"|eyJ[\w-]{5,}\.[\w-]{5,}"
    r"|(?i:bearer)[\s:=]+(?=[\w.~+/-]*[0-9]|[\w.~+/-]{20})[\w.~+/-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
"""A token or a private key, whoever's it is."""


# What is shown


def shown(said: str, secrets: Secrets) -> str:
    """A service's free text as it may be shown: one printable line, or that it is withheld."""
    if not said:
        return ""
    if not secrets.all_known:
        return WITHHELD_UNREAD
    line = printable(said)
    is_quoted = secrets.can_be_read_in(said[:_READ], line)
    if is_quoted is None:
        return WITHHELD_UNREAD
    return WITHHELD if is_quoted else line


def shown_code(said: str, secrets: Secrets) -> str:
    """An error code as it may be shown, or "".

    A known code is always shown, so that its remedy is found. Another one is shown where it has the
    form of a code and no secret can be read in it, as in a password such as `Summer2026`. Where not
    every secret is known, it must also be free of digits.
    """
    if said in KNOWN_CODES or _ENTRA_CODE.fullmatch(said):
        return said
    is_code = _CODE.fullmatch(said) and (secrets.all_known or not re.search("[0-9]", said))
    return said if is_code and secrets.can_be_read_in(said) is False else ""


def shown_id(said: str, secrets: Secrets) -> str:
    """A request-id or the id of a job as it may be shown, or "" where it is none."""
    return said if _ID.fullmatch(said) and secrets.can_be_read_in(said) is False else ""


def shown_answer(code: str, message: str, secrets: Secrets) -> tuple[str, str]:
    """An error's code and message as they may be shown; what is no code stands in the message."""
    code, odd = shown_code(code, secrets), code
    if odd and not code:
        message = f"{odd}: {message}" if message else odd
    return code, shown(message, secrets)


def printable(said: str) -> str:
    """`said` as one line that no terminal and no pipeline obeys, of at most a thousand characters.

    Control, bidirectional and zero-width characters are removed, with the rest of a terminal's
    escape sequence. The marks of pipeline commands lose a character:
    https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
    """
    line = " ".join(_visible(said[:_READ]).split())
    line = re.sub(r"#{2,}", "#", line)  # ##vso[…], ##[…], ##teamcity[…]
    line = re.sub(r":{2,}(?=[A-Za-z])", ": ", line)  # ::set-output …::
    line = re.sub(r"(?i)(section_(?:start|end)|travis_(?:fold|time)):", r"\1 ", line)
    is_cut = len(line) > _LONGEST or len(said) > _READ
    return f"{line[: _LONGEST - 1].rstrip()}…" if is_cut else line


# ECMA-48: control sequences, then strings for the terminal (its title, links, images), then others.
_ESCAPE_SEQUENCE: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-~]"
)

# Python takes these for printable, and they are not seen: Default_Ignorable_Code_Point of Unicode.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def _visible(text: str) -> str:
    """`text` with a space for each white space, and without what a terminal does not show."""
    if text.isascii() and text.isprintable():
        return text
    text = _UNSEEN.sub("", re.sub(r"\s", " ", _ESCAPE_SEQUENCE.sub("", text)))
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _folded(text: str) -> str:
    """`text` in the one form that it has in any case and any normal form of Unicode."""
    text = _visible(text)
    if text.isascii():
        return text.lower()
    for form in ("NFD", "NFKD", "NFKD"):
        text = unicodedata.normalize(form, text).casefold()
    return _visible(unicodedata.normalize("NFKD", text))


def _compact(text: str) -> str:
    return "".join(text.split())


# What is secret


class Secrets:
    """What no text that is shown may hold.

    `credentials` maps keys of `synchronizationSecret` to values, which GROUPS splits into what is
    secret and what is not. It is None where the service holds credentials that are not known here:
    then no free text of it is shown. `others` are secret whatever they look like.
    """

    def __init__(self, credentials: Mapping[str, str] | None, others: Iterable[str] = ()) -> None:
        self._all_known = credentials is not None
        self._runs: set[str] = set()
        self._short: set[str] = set()
        words: set[str] = set()
        tiny: set[str] = set()
        parts = {
            part
            for key, value in (credentials or {}).items()
            for part in _SECRETS_OF.get(key, _secret_parts)(value)
        }
        for value in others:
            # A URL of the settings is where a token is asked for, not the token.
            parts.update(_parts_of_address(value) if _URL.match(value) else _secret_parts(value))
        self._letters = frozenset(filter(_is_beyond_ascii, "".join(map(_variants, parts))))
        for part in parts:
            for form in {_compact(_folded(part)), _compact(_visible(part))}:
                if len(form) >= _RUN:
                    self._runs.update(_windows(form))
                elif len(form) < _SHORTEST:
                    tiny.add(form)
                elif form.isalpha() or form.isdecimal():
                    words.add(form)
                else:
                    self._short.add(form)
        self._words = _matching(
            # Within a longer word, such as "latest" for "test", they say nothing.
            r"(?<![^\W_])(?:{})(?![^\W_])",
            [r"\s*".join(map(re.escape, word)) for word in words],
        )
        self._tiny = _matching(
            # Almost every text holds so short a value: it counts only where it stands as a value.
            r"[\"'`(\[{{<>=:]\s*(?:{})\s*(?:[\"'`)\]}}<>,;.&]|$)",
            map(re.escape, tiny - {""}),
        )
        # A letter may stand for several of its normal form.
        is_short = self._short or words or self._letters
        self._legible = _LEGIBLE[_SHORTEST if is_short else _RUN]

    def can_be_read_in(self, *texts: str) -> bool | None:
        """Whether a secret can be read in `texts`, or None where that takes too much effort to say.

        It can be read where eight consecutive characters of it stand in a decoding, white space
        removed and in any case. A value of four to seven characters has to stand whole; where it
        is letters or digits alone, as a word; a shorter one, as a quoted value. A bearer token can
        be read whoever's it is.
        """
        effort = _EFFORT
        for text, is_line in _decoded(texts, self._legible, self._letters):
            effort -= len(text)
            if effort < 0:
                return None
            if self._stands_in(text) if is_line else self._stands_as_word_in(text):
                return True
        return False

    def _stands_in(self, line: str) -> bool:
        forms = {_compact(_folded(line))}
        if self._letters:
            forms.add(_compact(_visible(line)))  # a letter of many normal forms may be cut off
        return any(
            not self._runs.isdisjoint(_windows(form)) or any(short in form for short in self._short)
            for form in forms
        )

    def _stands_as_word_in(self, text: str) -> bool:
        before = None
        while (text := _visible(text)) != before:
            if _TOKEN.search(text):
                return True
            folded = _folded(text) if self._words or self._tiny else ""
            if self._words and self._words.search(folded):
                return True
            if self._tiny and self._tiny.search(folded):
                return True
            before = text
            for undo in _ESCAPES:
                text = undo(text)
        return False

    @property
    def all_known(self) -> bool:
        """Whether the service holds no other credentials than these."""
        return self._all_known


def _is_beyond_ascii(character: str) -> bool:
    return ord(character) > 127


def _variants(text: str) -> str:
    """`text` in each case and each normal form of Unicode, one after the other."""
    if text.isascii():
        return ""
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    return "".join(f"{form}{form.lower()}{form.upper()}{form.casefold()}" for form in forms)


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + _RUN] for start in range(len(text) - _RUN + 1))


def _matching(pattern: str, alternatives: Iterable[str]) -> re.Pattern[str] | None:
    found = "|".join(sorted(alternatives))
    return re.compile(pattern.format(found)) if found else None


# The parts of a value that are secret

_ARMOR: Final = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]{1,40}-----")
_JWT: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/]")
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


def _secret_parts(value: str, depth: int = 0) -> Iterator[str]:
    """The parts of a secret value that must not be shown, each as it stands and decoded."""
    value = _ARMOR.sub(" ", value).strip()
    leaves = _leaves(value)
    if leaves is not None:
        for leaf in leaves:
            if depth < _DEPTH and len(leaf) >= _SHORTEST:
                yield from _secret_parts(leaf, depth + 1)
        return
    if _URL.match(value):
        # Some connectors, such as that of AWS, take their endpoint under the key of a secret.
        yield from _url_parts(value, of_secret=True)
        return
    yield value
    if _JWT.fullmatch(value):
        return  # what a token says of its issuer and subject is no secret, and Entra quotes it
    for part in (value.partition(":")[2], *_connection_string_parts(value)):
        if len(part) >= _SHORTEST:
            yield part
    if depth < _DEPTH:
        for form in _plain_forms(value):
            yield from _secret_parts(form, depth + 1)


def _leaves(value: str) -> list[str] | None:
    """The texts and numbers in a JSON object or list, or None where `value` is neither."""
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
    """What a URL, or a host, holds beside its host; of one that is no secret, what may sign in."""
    try:
        parts = urlsplit(url.strip() if _URL.match(url.strip()) else f"//{url.strip()}")
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        yield url
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [value or name for name, value in query if name != "api-version"]
    hidden = [password, parts.fragment, "" if password else user]
    hidden += [text for text in values if of_secret or len(text) >= _RUN or not text.isalpha()]
    for text in (parts.query, parts.fragment):
        hidden += _random_pieces(text)
    for segment in parts.path.split("/"):
        hidden += [segment] if of_secret and len(segment) >= _RUN else _random_pieces(segment)
    for part in hidden:
        for form in {part, unquote(part)}:
            if len(form) >= _SHORTEST:
                yield form


def _parts_of_address(url: str) -> Iterator[str]:
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
        if len(text) >= _SHORTEST:
            yield text


def _plain_forms(value: str) -> Iterator[str]:
    """What a value that was declared in an encoding is without it, where that is text."""
    whole = _compact(value)
    forms = [undo(value) for undo in _ESCAPES]
    if re.fullmatch(r"[A-Za-z0-9+/_-]{8,}={0,2}", whole):
        forms += map(_as_text, _base64(whole.rstrip("="))[:1])
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){8,}", whole):
        forms += map(_as_text, _hex(whole)[:1])
    for form in forms:
        if form != value and len(form) >= _SHORTEST:
            yield form


def _as_text(decoded: bytes) -> str:
    try:
        text = decoded.replace(b"\0", b"").decode()
    except UnicodeDecodeError:
        return ""
    return text if _compact(text).isprintable() else ""


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
        _secret_parts,
        "Password SecretToken AppKey ClientSecret ConsumerKey ConsumerSecret TokenKey"
        " Oauth2ClientSecret Oauth2AuthorizationCode Oauth2AccessToken Oauth2RefreshToken"
        " SyncAgentCompatibilityKey",
        "It signs in to the application, or a token is given for it.",
    ),
    _group(_secret_parts, "None", "Graph does not say what it is for."),
    _group(
        _connection_string_parts,
        "ConnectionString",
        "Its password or key is secret. The server, the database and the user are what you need to"
        " see when a connection fails.",
    ),
    _group(
        _parts_of_address,
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

_SECRETS_OF: Final = {key: group.secrets_of for group in GROUPS for key in group.keys}


# Encodings, undone. Each works on whatever part of a text is encoded so, and leaves the rest


def _decoded(
    texts: Iterable[str], legible: re.Pattern[str], letters: frozenset[str]
) -> Iterator[tuple[str, bool]]:
    """Every text that can be read in `texts`, and whether it is without white space.

    Escapes are undone kind by kind in every order, as what looks like one may be a part of a
    secret. `letters` are those beyond ASCII that are looked for: they may stand in another
    character set than UTF-8.
    """
    to_read = deque(texts)
    known = set(to_read)
    read: set[str] = set()
    read_runs: set[tuple[re.Pattern[str], str]] = set()
    while to_read:
        text = to_read.popleft()
        yield text, False
        lines = [*_lines(text)]
        while lines:
            line = lines.pop()
            if line in read:
                continue
            read.add(line)
            yield line, True
            for undo in (*_ESCAPES, _backwards):
                if (undone := undo(line)) != line:
                    lines += _lines(undone)
            chunks = []
            for pattern, to_bytes in _NUMBERS:
                runs = {(pattern, run) for run in pattern.findall(line)} - read_runs
                chunks += [chunk for _, run in runs for chunk in to_bytes(run)]
                read_runs |= runs
            for reading in _legible_parts(chunks, legible):
                if reading not in known:
                    known.add(reading)
                    to_read.append(reading)
            if letters:
                chunks += [unquote_to_bytes(line), _quoted_printable(line)]
                for reading in _parts_in_other_charsets(chunks, letters):
                    yield reading, True
                    yield reading[::-1], True


def _lines(text: str) -> set[str]:
    """`text` without white space, also where quoted-printable breaks a line with `=`."""
    texts = {text, _read_anew(text)}
    if "=" in text:
        texts |= {re.sub(r"=\s+", "", form) for form in texts}
    return {_compact(_visible(form)) for form in texts}


def _without_backslashes(text: str) -> str:
    r"""`\"`, `\n`, `\u0041`, `\u{41}`, `\x41`, `\101` of JSON, JavaScript and Python; `%u0041`."""
    text = _BACKSLASH.sub(_character, text)
    # Two halves of a character beyond the basic plane become one.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_BACKSLASH: Final = re.compile(
    r"(?:\\u\{([0-9A-Fa-f]{1,6})\}|[\\%]u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\x([0-9A-Fa-f]{2}))"
    r"|\\([0-7]{3})|\\([!-/:-TV-tvwy-~])"
)


def _character(found: re.Match[str]) -> str:
    *digits, octal, single = found.groups()
    if single:
        return " " if single in "abfnrtv" else str(single)
    number = int(octal, 8) if octal else int(next(filter(None, digits)), 16)
    return chr(number) if number < 0x110000 else ""


def _without_entities(text: str) -> str:
    """HTML's `&amp;`, `&#39;`, `&#x27;`, which may lack the semicolon."""
    text = re.sub(r"&#[xX]?0+(?![0-9A-Fa-f]);?", "", text)  # which HTML has for no character
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python reads
        return text


def _without_percent(text: str) -> str:
    """`%41`."""
    return unquote(text)


def _without_equals(text: str) -> str:
    """Quoted-printable's `=41`, or `==41` where a line was broken."""
    return _quoted_printable(text).decode(errors="replace") if "=" in text else text


def _quoted_printable(text: str) -> bytes:
    return binascii.a2b_qp(re.sub("={2,}", "=", text).encode(errors="replace"))


def _without_plus(text: str) -> str:
    """A form's `+` for a space."""
    return text.replace("+", " ")


def _backwards(text: str) -> str:
    return text[::-1]


def _read_anew(text: str) -> str:
    """UTF-8 that was read as Windows-1252 or Latin-1, as `schÃ¶n`, or byte by byte."""
    return text if text.isascii() else _MISTAKEN.sub(_as_utf_8, text)


_WINDOWS: Final = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_FOLLOWING: Final = f"[\x80-\xbf{_WINDOWS}]"
_MISTAKEN: Final = re.compile(
    f"[\xc2-\xdf]{_FOLLOWING}|[\xe0-\xef]{_FOLLOWING}{{2}}|[\xf0-\xf4]{_FOLLOWING}{{3}}"
)


def _as_utf_8(found: re.Match[str]) -> str:
    read = (
        character.encode("cp1252" if character in _WINDOWS else "latin-1") for character in found[0]
    )
    try:
        return b"".join(read).decode()
    except UnicodeDecodeError:
        return found[0]


_ESCAPES: Final = (
    _without_backslashes,
    _without_entities,
    _without_percent,
    _without_equals,
    _without_plus,
)


def _base64(run: str) -> list[bytes]:
    """Base64 of either alphabet, however padded, wherever in a longer run of its characters."""
    run = run.replace("-", "+").replace("_", "/")
    parts = [run[start:] for start in range(4)]
    parts = [part[: len(part) - (len(part) % 4 == 1)] for part in parts]
    return [binascii.a2b_base64(part + "=" * (-len(part) % 4)) for part in parts]


def _hex(run: str) -> list[bytes]:
    """Hexadecimal digits, with or without `0x`, `:`, `-` or `,` between."""
    digits = re.sub(r"0x|[x:,-]", "", run)
    return [bytes.fromhex(part[: len(part) - len(part) % 2]) for part in (digits, digits[1:])]


def _decimal(run: str) -> list[bytes]:
    """Bytes as decimal numbers, as in `[115, 51]`."""
    numbers = [int(number) for number in re.split("[,;]", run)]
    return [bytes(numbers)] if max(numbers) < 256 else []


_NUMBERS: Final = (
    (re.compile(r"[A-Za-z0-9+/_-]{6,}"), _base64),
    (re.compile(r"[0-9A-Fa-fx:,-]{8,}"), _hex),
    (re.compile(r"[0-9]{1,3}(?:[,;][0-9]{1,3}){3,}"), _decimal),
)


def _legible_parts(chunks: list[bytes], legible: re.Pattern[str]) -> Iterator[str]:
    """The parts of `chunks` that are text in UTF-8, or in UTF-16 where they hold its zeros."""
    with_zeros = [chunk[start:] for chunk in chunks if chunk.count(0) > 3 for start in (0, 1)]
    for charset, read in (("utf-8", chunks), ("utf-16-le", with_zeros), ("utf-16-be", with_zeros)):
        for chunk in read:
            if parts := legible.findall(_text(chunk, charset)):
                yield "\ufffd".join(parts)


def _parts_in_other_charsets(chunks: list[bytes], letters: frozenset[str]) -> Iterator[str]:
    """The parts of `chunks` that hold one of `letters` where they are not taken for UTF-8."""
    shifted = [*chunks, *(chunk[1:] for chunk in chunks)]
    for charset, read in (("latin-1", chunks), ("utf-16-le", shifted), ("utf-16-be", shifted)):
        for chunk in read:
            for part in _LEGIBLE[_SHORTEST].findall(_text(chunk, charset)):
                if not letters.isdisjoint(part):
                    yield part


def _text(chunk: bytes, charset: str) -> str:
    return chunk.decode(charset, "replace").replace("\0", "")


_LEGIBLE: Final = {
    least: re.compile(rf"[^\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]{{{least},}}")
    for least in (_SHORTEST, _RUN)
}
"""Text of so many characters at least: what is decoded and was not encoded has little of it."""
