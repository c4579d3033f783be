"""GUIDs and times, as Microsoft Graph writes them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    """Whether the text is a GUID, in upper or lower case."""
    return _GUID.fullmatch(text) is not None


def format_time(time: datetime) -> str:
    """A time in UTC, to the second: `2026-01-01T00:00:00Z`."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The time that `format_time` wrote, or another in ISO 8601. ValueError for other text."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
