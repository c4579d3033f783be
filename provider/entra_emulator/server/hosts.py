"""The host names that the emulator answers to, and no others.

A web page in a browser on this machine can call the emulator too: directly, which shows in the
Origin header, or by a name of its own that resolves to this machine (DNS rebinding), which shows in
the Host header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..graph.errors import GraphError

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]+)?")


class AllowedHosts:
    """The emulator's own URLs, such as https://localhost:8443, and further host names."""

    def __init__(self, urls: Iterable[str], hosts: Iterable[str]) -> None:
        self._origins = {*urls, *(f"https://{host.lower()}" for host in hosts)}
        self._hosts = {_without_port(url.removeprefix("https://")) for url in self._origins}

    def refusal(self, headers: Mapping[str, str]) -> GraphError | None:
        """The error for a request to another host, or from the web page of another host."""
        if _without_port(headers.get("host", "")) not in self._hosts:
            hosts = ", ".join(sorted(self._hosts))
            message = f"The emulator answers only to {hosts}. This request has another Host."
            return GraphError(421, "MisdirectedRequest", message)
        if headers.get("origin", next(iter(self._origins))) not in self._origins:
            message = "The emulator answers no web page but its own."
            return GraphError(403, "ForbiddenOrigin", message)
        return None


def _without_port(host: str) -> str:
    match = _HOST.fullmatch(host)
    return match[1].lower() if match else ""
