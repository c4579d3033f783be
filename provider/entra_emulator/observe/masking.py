"""What the journal shows of a request, with everything masked that could be secret.

It shows what is known to be harmless and masks the rest. A secret can be in the wrong place: in a
key, in a query, in a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..entra.client_authentication import ASSERTION_TYPE
from ..entra.errors import OTHER_GRANTS
from ..formats import is_guid
from ..tenant.secret_keys import SECRET_KEYS

MASK = "***"
_MAX_TEXT = 2048
"""Characters of a path or of a query option; longer text is masked."""
_MAX_DEPTH = 6

_HARMLESS_SEGMENT = re.compile(
    r"|v1\.0|v2\.0|oauth2|\.well-known|openid-configuration|third-party|\$ref|\$count"
    r"|github-actions|azure-devops"
    r"|[A-Za-z]{1,40}(\.[A-Za-z]{1,40})*"  # a resource, an action, a tenant's domain
    r"|[A-Za-z]+\(appId='[0-9a-fA-F-]{36}'\)"
    r"|[A-Za-z0-9]{1,40}\.[0-9a-f]{32}(\.[0-9a-f-]{36})?"  # a job: template, tenant, instance
)
_HARMLESS_QUERIES: dict[str, re.Pattern[str]] = {
    "$count": re.compile(r"true|false"),
    "$expand": re.compile(r"[A-Za-z,]+"),
    "$filter": re.compile(r"(appId|id) eq '[0-9a-fA-F-]{36}'"),
    "$select": re.compile(r"[A-Za-z, ]+"),
    "$skip": re.compile(r"[0-9]+"),
    "$top": re.compile(r"[0-9]+"),
    "api-version": re.compile(r"[0-9.-]+"),
}
_HARMLESS_PROPERTIES = frozenset(
    {"@odata.type", "appId", "credentials", "displayName", "key", "templateId", "value"}
)
_KEYS = {key.lower() for key in SECRET_KEYS}
_TYPE = re.compile(r"#?microsoft\.graph\.[A-Za-z]+")
_SCOPE = re.compile(
    r"(?:(?:openid|profile|offline_access) )*https://[A-Za-z0-9.:-]{1,300}/{1,2}\.default"
    r"(?: (?:openid|profile|offline_access))*"
)


def mask_path(path: str) -> str:
    """A decoded path with only the segments that cannot be secret."""
    shown = "/".join(
        segment if _HARMLESS_SEGMENT.fullmatch(segment) or is_guid(segment) else MASK
        for segment in path.split("/")
    )
    return shown if len(shown) <= _MAX_TEXT else f"/{MASK}"


def mask_query(query: Mapping[str, str]) -> dict[str, str]:
    """A query with only the options and values that cannot be secret."""
    return {
        (name if name in _HARMLESS_QUERIES else MASK): _mask_option(name, value)
        for name, value in query.items()
    }


def _mask_option(name: str, value: str) -> str:
    pattern = _HARMLESS_QUERIES.get(name)
    is_harmless = pattern and len(value) <= _MAX_TEXT and pattern.fullmatch(value)
    return value if is_harmless else MASK


def mask_form(form: Mapping[str, str]) -> dict[str, str]:
    """A token request without its secret or assertion, in whatever field they are."""
    harmless = {
        "client_id": is_guid(form.get("client_id", "")),
        "grant_type": form.get("grant_type") in (*OTHER_GRANTS, "client_credentials"),
        "scope": _SCOPE.fullmatch(form.get("scope", "")),
        "client_assertion_type": form.get("client_assertion_type") == ASSERTION_TYPE,
    }
    return {name: form[name] for name, shown in harmless.items() if shown}


def mask_json(value: Any, name: str = "", depth: int = 0) -> Any:
    """A JSON value with only the names and values that cannot be secret."""
    if value is None or value == "":
        return value
    if depth == _MAX_DEPTH:
        return MASK
    if isinstance(value, dict):
        return {
            (key if key in _HARMLESS_PROPERTIES else MASK): mask_json(child, key, depth + 1)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [mask_json(item, name, depth + 1) for item in value]
    return value if _is_harmless(name, value) else MASK


def _is_harmless(name: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if name == "key":
        return value.lower() in _KEYS
    if name == "@odata.type":
        return _TYPE.fullmatch(value) is not None
    if name == "appId":
        return is_guid(value)
    return name in ("displayName", "templateId")
