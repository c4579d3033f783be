"""The names under which the emulator is asked, and no others.

A web page that is open in a browser on this machine may ask it too: directly, which shows in
Origin, or under a name of its own that leads to this machine (DNS rebinding), which shows in Host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .graph_errors import GraphError

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]+)?")


class Names:
    """What the emulator answers for: `urls`, such as https://localhost:8443, and `hosts`."""

    def __init__(self, urls: Iterable[str], hosts: Iterable[str]) -> None:
        self._origins = {*urls, *(f"https://{host.lower()}" for host in hosts)}
        self._hosts = {_name(url.removeprefix("https://")) for url in self._origins}

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuses a request to another name or from a web page of somebody else's."""
        if _name(headers.get("host", "")) not in self._hosts:
            hosts = ", ".join(sorted(self._hosts))
            raise GraphError(
                421,
                "MisdirectedRequest",
                f"The emulator answers for {hosts}. The Host of this request is another one.",
            )
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            raise GraphError(
                403, "ForbiddenOrigin", "The emulator answers no web page but its own."
            )


def _name(host: str) -> str:
    found = _HOST.fullmatch(host)
    return found[1].lower() if found else ""
