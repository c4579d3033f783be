"""Whose permission is used, and against which endpoints: the settings of a run, checked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import SettingsError
from ..guid import GUID
from ..remedies import Explained
from .caller import PERSONAL_ACCOUNT, PERSONAL_ACCOUNT_HEADING, PERSONAL_TENANT
from .clouds import CLOUDS, Cloud, cloud_named
from .identities import Identity, configured_identity
from .lookup import how_to_set, look_up
from .problems import Problems
from .values import check_certificates, is_host


@dataclass(frozen=True)
class Settings:
    """Whose permission is used, and against which endpoints. Equal settings share one client.

    `cloud` is the national cloud's name. `authority_host` and `graph_endpoint` are https URLs
    without a path, `ca_file` a PEM bundle that replaces the public certificate authorities.
    `passed_over` has a line for each way to sign in that comes before `identity` and does not
    serve: its name and why, without a value.
    """

    cloud: str
    authority_host: str
    graph_endpoint: str
    tenant_id: str
    client_id: str
    identity: Identity
    passed_over: tuple[str, ...] = ()
    ca_file: str = ""

    @property
    def scope(self) -> str:
        """The scope of the token: every permission of the caller on this cloud's Graph."""
        return f"{self.graph_endpoint}/.default"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may hold."""
        return tuple(
            getattr(self.identity, part.name)
            for part in dataclasses.fields(self.identity)
            if not part.repr
        )


def settings(stack: Callable[[str], object], environment: Mapping[str, str]) -> Settings:
    """The settings of this run, each from the first place that has it.

    `stack` gives the value of a stack configuration key such as `azuread:tenantId`, or None.
    The places, in order: `entra-provisioning:` and `azuread:` stack configuration, then the
    environment variables `ENTRA_PROVISIONING_*`, `ARM_*` and those of SETTINGS. Where
    SETTINGS_FROM_ENVIRONMENT is true, the environment variables come first.

    Raises SettingsError with every problem at once.
    """
    problems = Problems()
    found = look_up(stack, environment, problems)
    values = found.values
    cloud = _cloud(values, problems)
    endpoints = _endpoints(values, cloud, problems)
    metadata_host = stack("azuread:metadataHost") or environment.get("ARM_METADATA_HOSTNAME")
    if metadata_host and not (values["graphEndpoint"] and values["authorityHost"]):
        # Ignored, it would send the caller's secret to a cloud that is not its own.
        problems.conflict(
            "metadataHost: only pulumi-azuread reads it. Set graphEndpoint and authorityHost of"
            " that cloud."
        )
    _check_client_and_tenant(values, problems)
    if values["caFile"]:
        check_certificates(values["caFile"], problems)
    identity, passed_over = configured_identity(found, endpoints["authorityHost"], problems)
    if problems.found:
        raise SettingsError(problems.found)
    return Settings(
        cloud=cloud.name,
        authority_host=endpoints["authorityHost"],
        graph_endpoint=endpoints["graphEndpoint"],
        tenant_id=values["tenantId"],
        client_id=values["clientId"],
        identity=identity,
        passed_over=passed_over,
        ca_file=values["caFile"],
    )


def _cloud(values: Mapping[str, str], problems: Problems) -> Cloud:
    cloud = cloud_named(values["environment"])
    if cloud is None:
        problems.invalid(
            f"environment: unknown cloud. Use one of {', '.join(CLOUDS)}"
            f" ({how_to_set('environment')})."
        )
        return CLOUDS["global"]
    return cloud


def _endpoints(values: Mapping[str, str], cloud: Cloud, problems: Problems) -> dict[str, str]:
    usual = {"authorityHost": cloud.authority_host, "graphEndpoint": cloud.graph_endpoint}
    for name, url in usual.items():
        if values[name] and not is_host(values[name]):
            problems.invalid(f"{name}: must be an https URL of a host alone, such as {url}.")
    return {name: (values[name] or url).rstrip("/") for name, url in usual.items()}


def _check_client_and_tenant(values: Mapping[str, str], problems: Problems) -> None:
    # Neither is repeated: what is in its place may be a secret.
    if values["clientId"] and not GUID.fullmatch(values["clientId"]):
        problems.invalid("clientId: must be the application (client) id, a GUID.")
    if not re.fullmatch(r"[a-zA-Z0-9.-]*", values["tenantId"]):
        problems.invalid("tenantId: must be the tenant's GUID or one of its domain names.")
    if values["tenantId"].lower() in (PERSONAL_TENANT, "consumers"):
        problems.found.append(Explained(f"tenantId: {PERSONAL_ACCOUNT}", PERSONAL_ACCOUNT_HEADING))
