"""What a program declares: the resource `ProvisioningAuthorization`, its inputs and its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import pulumi
from pulumi.dynamic import Resource

from .dynamic_provider import ProvisioningAuthorizationProvider
from .properties import PYTHON_NAMES, WIRE_NAMES

if TYPE_CHECKING:
    from .credentials import DeclaredCredentials


class ProvisioningAuthorization(
    Resource, module="entra-provisioning", name="ProvisioningAuthorization"
):
    """Authorizes the Microsoft Entra provisioning service to provision users into an application.

    Creating it, and updating it, calls Microsoft Graph's `synchronization: acquireAccessToken` for
    an application or a service principal. Destroying it empties the declared keys, and the tokens
    that the action stored; `retain_on_delete` leaves them.

    https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
    """

    __module__ = __package__

    application_id: pulumi.Output[str | None]
    """Object id of the application, if it is the target: a GUID."""

    service_principal_id: pulumi.Output[str | None]
    """Object id of the service principal, if it is the target: a GUID."""

    triggers: pulumi.Output[Any]
    """The values whose change authorizes again."""

    job_id: pulumi.Output[str | None]
    """The synchronization job that verifies the credentials."""

    restart_job: pulumi.Output[bool | None]
    """Whether that job is taken out of a quarantine once the target is authorized."""

    expires_at: pulumi.Output[str | None]
    """When the credentials expire, as declared."""

    target: pulumi.Output[str]
    """What is authorized: `servicePrincipals/<object id>` or `applications/<object id>`."""

    credential_keys: pulumi.Output[Sequence[str]]
    """The keys of the declared credentials, sorted."""

    stored_keys: pulumi.Output[Sequence[str] | None]
    """Those of the declared keys and of the action's tokens that Graph held right after, sorted."""

    authorized_at: pulumi.Output[str | None]
    """When it was last authorized by this stack: RFC 3339, UTC."""

    authorized_by: pulumi.Output[str | None]
    """Client id of the caller who last authorized it; of a signed-in user, the object id."""

    cloud: pulumi.Output[str]
    """The national cloud: `global`, `usgovernmentl4`, `usgovernmentl5` or `china`."""

    request_id: pulumi.Output[str | None]
    """Graph's id of the last authorization, for Microsoft support."""

    client_request_id: pulumi.Output[str | None]
    """Our id of the last authorization, as it stands in Graph's logs."""

    revision: pulumi.Output[int]
    """How many times this resource has authorized its target."""

    status: pulumi.Output[str]
    """`Authorized`, `Quarantined`, `CredentialsMissing` or `Unknown`, as last seen."""

    verification: pulumi.Output[str | None]
    """`Valid`, or `Failed:` with status and code, if `job_id` is given."""

    keys_to_empty: pulumi.Output[Sequence[str]]
    """Keys that are no longer declared and that Graph still holds: the next `up` empties them."""

    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        service_principal_id: pulumi.Input[str],
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        application_id: pulumi.Input[str],
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...

    def __init__(
        self,
        resource_name: str,
        *,
        service_principal_id: pulumi.Input[str] | None = None,
        application_id: pulumi.Input[str] | None = None,
        credentials: DeclaredCredentials,
        triggers: pulumi.Input[Any] | None = None,
        job_id: pulumi.Input[str] | None = None,
        restart_job: pulumi.Input[bool] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        timeout: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an authorization of exactly one target.

        :param resource_name: the resource's name in the stack.
        :param service_principal_id: object id of the service principal: a GUID, or
            `/servicePrincipals/<GUID>` as pulumi-azuread has it. A change replaces.
        :param application_id: object id of the application: a GUID, or `/applications/<GUID>` as
            pulumi-azuread has it. A change replaces.
        :param credentials: keys of Graph's `synchronizationSecret` and their values, as a mapping
            or as Graph's own list of `{"key": …, "value": …}`; never empty. A value may be
            `from_environment(…)` or `from_file(…)`. Type checkers compare a literal mapping with
            `Credentials`; wrap one that the program computes in `pulumi.Output.secret(…)`. Always
            made secret. A change authorizes again.
        :param triggers: any plain values; a change authorizes again with the same credentials.
        :param job_id: a synchronization job of the target, which then tries the credentials; what
            it says stands in `verification`. A change verifies, without another authorization.
        :param restart_job: with `job_id`: once the credentials are authorized and verified, a job
            that is in quarantine for its credentials is restarted. A change does nothing.
        :param expires_at: when the credentials expire: a date or a date and time of RFC 3339.
            Preview and up warn from 30 days before. A change sends nothing.
        :param timeout: seconds that create and update may take, waits included; 300 unless given.
        :param opts: Pulumi's resource options.

        A deployment that fails shows a `RequestError` or a `SettingsError`; wrong inputs are
        reported in the preview, before anything is sent.
        """
        self._declare(
            resource_name,
            {
                "application_id": application_id,
                "service_principal_id": service_principal_id,
                "credentials": pulumi.Output.secret(credentials).apply(_with_nothing_dropped),
                "triggers": triggers,
                "job_id": job_id,
                "restart_job": restart_job,
                "expires_at": expires_at,
                "timeout": timeout,
            },
            opts,
        )

    @staticmethod
    def get(
        resource_name: str, id: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> ProvisioningAuthorization:
        """Look at an authorization that this stack does not manage.

        :param resource_name: the name that it has in the stack.
        :param id: `servicePrincipals/<object id>` or `applications/<object id>`.
        :param opts: Pulumi's resource options.
        """
        looked_at = ProvisioningAuthorization.__new__(ProvisioningAuthorization)
        looked_at._declare(
            resource_name,
            {},
            pulumi.ResourceOptions.merge(
                opts,
                pulumi.ResourceOptions(id=pulumi.Output.unsecret(pulumi.Output.from_input(id))),
            ),
        )
        return looked_at

    def _declare(
        self, resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        Resource.__init__(
            self,
            ProvisioningAuthorizationProvider(),
            resource_name,
            # A property that is not named here would not become an attribute.
            {**dict.fromkeys(WIRE_NAMES), **inputs},
            pulumi.ResourceOptions.merge(
                pulumi.ResourceOptions(
                    additional_secret_outputs=["credentials_digest", "used_codes"]
                ),
                opts,
            ),
        )

    def translate_input_property(self, prop: str) -> str:
        """The wire name of a Python name."""
        return WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The Python name of a wire name."""
        return PYTHON_NAMES.get(prop, prop)


def _with_nothing_dropped(credentials: Any) -> Any:
    """`credentials` with "" for None, which the SDK would drop with its key, unseen by check."""
    if isinstance(credentials, Mapping):
        return {
            key: "" if value is None else _with_nothing_dropped(value)
            for key, value in credentials.items()
        }
    if isinstance(credentials, list):
        return [_with_nothing_dropped(item) for item in credentials]
    return credentials
