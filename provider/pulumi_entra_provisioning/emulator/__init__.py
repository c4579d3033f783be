"""An Entra tenant and its Microsoft Graph on localhost, for clients that expect the real ones.

    with Emulator() as emulator:
        credential = ClientSecretCredential(
            DEFAULT_TENANT_ID,
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
            authority=emulator.url,
            disable_instance_discovery=True,
            connection_verify=emulator.ca_file,
        )

What is kept is in `tenant`, who may call in `authority`, what travels in `routes` and `exchange`.
Everything that Microsoft does not document is a setting of `Assumptions`.
"""

from typing import TYPE_CHECKING

from .assumptions import Assumptions
from .faults import Fault
from .graph_errors import GraphError
from .state import ClientSecret
from .tenant import (
    DEFAULT_APP_ID,
    DEFAULT_APPLICATION_ID,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_SERVICE_PRINCIPAL_ID,
    DEFAULT_TENANT_ID,
)

if TYPE_CHECKING:
    from .server import Emulator

__all__ = [
    "DEFAULT_APPLICATION_ID",
    "DEFAULT_APP_ID",
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "DEFAULT_SERVICE_PRINCIPAL_ID",
    "DEFAULT_TENANT_ID",
    "Assumptions",
    "ClientSecret",
    "Emulator",
    "Fault",
    "GraphError",
]


def __getattr__(name: str) -> object:
    # The server needs the extra. Loaded on first use, so that the command can name the extra
    # instead of failing on import.
    if name == "Emulator":
        from .server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
