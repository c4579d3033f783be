"""National clouds: where each signs callers in, and where its Microsoft Graph answers.

https://learn.microsoft.com/graph/deployments
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Cloud:
    """A national cloud: its authority host and its Microsoft Graph endpoint, both https URLs."""

    name: str
    authority_host: str
    graph_endpoint: str


CLOUDS: Final = {
    cloud.name: cloud
    for cloud in (
        Cloud("global", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        Cloud("usgovernmentl4", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        Cloud(
            "usgovernmentl5", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"
        ),
        Cloud(
            "china",
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    )
}

# The other names that pulumi-azuread and Terraform's azuread accept for the same clouds.
_ALIASES: Final = {
    "public": "global",
    "usgovernment": "usgovernmentl4",
    "dod": "usgovernmentl5",
}


def cloud_named(name: str) -> Cloud | None:
    """The cloud of the setting `environment`, whose default is `global`, or None."""
    name = (name or "global").lower()
    return CLOUDS.get(_ALIASES.get(name, name))
