"""Reads from the emulator's tenant and journal, and creates objects in the tenant."""

from __future__ import annotations

from entra_emulator import DEFAULT_SERVICE_PRINCIPAL_ID, Emulator
from entra_emulator.observe.journal import Call


def authorizing(emulator: Emulator) -> list[Call]:
    """The calls of acquireAccessToken."""
    return emulator.journal.select("POST", "*/acquireAccessToken")


def token_requests(emulator: Emulator) -> list[Call]:
    """The requests for a token of Entra."""
    return emulator.journal.select("POST", "*/token")


def held(emulator: Emulator, principal: str = DEFAULT_SERVICE_PRINCIPAL_ID) -> dict[str, str]:
    """The credentials that Graph holds for a service principal, unmasked."""
    return emulator.tenant.secrets("servicePrincipals", principal)


def another_service_principal(emulator: Emulator, name: str = "Another") -> str:
    """The object id of a new service principal."""
    app_id = emulator.tenant.create_application(name)["appId"]
    object_id: str = emulator.tenant.create_service_principal(app_id)["id"]
    return object_id
