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
    """Object id of the application to authorize."""

    service_principal_id: pulumi.Output[str | None]
    """Object id of the service principal to authorize."""

    triggers: pulumi.Output[Any]
    """Any plain values, such as a date, whose change authorizes again."""

    job_id: pulumi.Output[str | None]
    """Id of a synchronization job of the target, which tries the credentials after the call."""

    restart_job: pulumi.Output[bool | None]
    """With `job_id`: restarts the job if it is in quarantine for its credentials and accepts the
    new ones."""

    expires_at: pulumi.Output[str | None]
    """When the credentials expire: an RFC 3339 date or date-time."""

    target: pulumi.Output[str]
    """The authorized target, which is also the id of the resource:
    `servicePrincipals/<object id>` or `applications/<object id>`."""

    credential_keys: pulumi.Output[Sequence[str]]
    """The keys of the declared credentials, sorted."""

    stored_keys: pulumi.Output[Sequence[str] | None]
    """The keys that a refresh expects Graph to hold, sorted: the declared ones, and those of the
    tokens that an earlier refresh found. None if they must be read from Graph first."""

    authorized_at: pulumi.Output[str | None]
    """When this stack last authorized the target: RFC 3339, UTC."""

    authorized_by: pulumi.Output[str | None]
    """Who last authorized the target: client id of the caller, or object id of a signed-in user."""

    cloud: pulumi.Output[str]
    """National cloud: `global`, `usgovernmentl4`, `usgovernmentl5` or `china`."""

    request_id: pulumi.Output[str | None]
    """Graph's id of the last authorization, for Microsoft support."""

    client_request_id: pulumi.Output[str | None]
    """The provider's id of the last authorization, as it appears in Graph's logs."""

    revision: pulumi.Output[int]
    """How many times this resource has authorized its target."""

    status: pulumi.Output[str]
    """What the last create, update or refresh found: `Authorized`, `Quarantined`,
    `CredentialsMissing` or `Unknown`."""

    verification: pulumi.Output[str | None]
    """With `job_id`: `Valid`, or `Failed:` with the status and the code of the answer."""

    keys_to_empty: pulumi.Output[Sequence[str]]
    """Keys that you no longer declare and that could not be emptied. The next `up` empties them."""

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

        :param resource_name: name of the resource in the stack.
        :param service_principal_id: Object id of the service principal to authorize. A GUID, or
            `/servicePrincipals/<GUID>` as in pulumi-azuread. Set exactly one of the two ids. A
            change replaces the resource.
        :param application_id: Object id of the application to authorize. A GUID, or
            `/applications/<GUID>` as in pulumi-azuread. A change replaces the resource.
        :param credentials: Keys of Graph's `synchronizationSecret` and their values. Keys are
            case-sensitive. Always secret, never empty. A value can be a reference to an environment
            variable or to a file, which the provider reads when it acts. A change authorizes again.
            In Python, `from_environment(…)` and `from_file(…)` make references, and Graph's list of
            `{"key": …, "value": …}` serves too. In Python, type checkers compare a literal mapping
            with `Credentials`. Wrap a mapping that the program computes in
            `pulumi.Output.secret(…)`.
        :param triggers: Any plain values, such as a date, whose change authorizes again.
        :param job_id: Id of a synchronization job of the target, which tries the credentials after
            the call. `verification` has the result. A failure is a warning and keeps the
            authorization. A change verifies the credentials without authorizing again.
        :param restart_job: With `job_id`: restarts the job if it is in quarantine for its
            credentials and accepts the new ones. A change does nothing.
        :param expires_at: When the credentials expire: an RFC 3339 date or date-time. Preview and
            `up` warn from 30 days before. A change updates the output without a call.
        :param timeout: Seconds that a create or an update may take, including waits. Default: 300.
            A change does nothing.
        :param opts: Pulumi's resource options.

        A failed deployment shows one message with the remedy. The preview reports invalid inputs
        before anything is sent.
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
