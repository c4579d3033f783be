"""When declared credentials expire, and the warning before it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_NOTICE: Final = timedelta(days=30)

_RFC_3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d))?", re.ASCII
)


def moment(text: str) -> datetime | None:
    """The moment that an RFC 3339 text names, or None. A date alone begins at midnight UTC."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    date, time, offset = found.groups()
    if offset in (None, "Z", "z"):
        offset = "+00:00"
    try:
        return datetime.fromisoformat(f"{date}T{time or '00:00:00'}{offset}")
    except ValueError:
        return None


def expiry_warning(expires_at: str | None, target: object, now: datetime) -> str | None:
    """The warning about credentials of `target`: from 30 days before `expires_at`, and after it.

    `target` is None if it is not known yet.
    """
    end = moment(expires_at) if expires_at else None
    if end is None or end - now > _NOTICE:
        return None
    credentials = f"the credentials of {target}" if target else "the credentials"
    if end <= now:
        return (
            f"{credentials} expired on {expires_at}: provisioning may have stopped. Renew them, and"
            " set expires_at to the new date."
        )
    days = (end - now).days
    left = {0: "within a day", 1: "in 1 day"}.get(days, f"in {days} days")
    return (
        f"{credentials} expire {left}, on {expires_at}. Renew them, and set expires_at to the new"
        " date."
    )
