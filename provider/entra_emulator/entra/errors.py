"""The errors of Entra's token endpoint, in its words and shape.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes

No message quotes what a client has sent, unless it is a GUID: a secret in the wrong field must not
come back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response

from ..formats import is_guid
from ..http.exchange import Exchange
from ..http.routing import json_response

OTHER_GRANTS = ("authorization_code", "password", "refresh_token", "implicit")
"""OAuth grants that this token endpoint does not support."""


class TokenError(Exception):
    """An error of the token endpoint: HTTP status, OAuth's `error`, AADSTS number and message."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(f"{status} {error}: AADSTS{number}: {message}")
        self.status = status
        self.error = error
        self.number = number
        self.message = message

    def body(
        self, *, date: datetime, trace_id: str, correlation_id: str, url: str
    ) -> dict[str, Any]:
        """The JSON of the answer; `url` is the authority's."""
        timestamp = date.strftime("%Y-%m-%d %H:%M:%SZ")
        return {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.number}: {self.message} Trace ID: {trace_id}"
                f" Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{url}/error?code={self.number}",
        }


def token_error_response(error: TokenError, exchange: Exchange, url: str) -> Response:
    """The answer to the request; `url` is the authority's."""
    body = error.body(
        date=exchange.time,
        trace_id=exchange.request_id,
        correlation_id=exchange.client_request_id or exchange.request_id,
        url=url,
    )
    return json_response(body, error.status)


def unknown_tenant(tenant_id: str, error: str) -> TokenError:
    """`error` is `invalid_tenant` in an answer about metadata, `invalid_request` elsewhere."""
    return TokenError(
        400,
        error,
        90002,
        f"Tenant{_quoted_guid(tenant_id)} not found. Check to make sure you have the correct tenant"
        " ID and are signing into the correct cloud. Check with your subscription administrator,"
        " this may happen if there are no active subscriptions for the tenant.",
    )


def malformed_request() -> TokenError:
    """The body is not a form."""
    return _invalid_request(9002313, "Invalid request. Request is malformed or invalid.")


def missing_parameter(name: str) -> TokenError:
    """A field of the form is absent or empty."""
    return _invalid_request(
        900144, f"The request body must contain the following parameter: '{name}'."
    )


def unsupported_grant(grant: str) -> TokenError:
    """The grant is not client credentials."""
    quoted = f" '{grant}'" if grant in OTHER_GRANTS else ""
    message = f"The app requested an unsupported grant type{quoted}."
    return TokenError(400, "unsupported_grant_type", 70003, message)


def unknown_client(client_id: str, tenant_id: str) -> TokenError:
    """The tenant has no such application."""
    return TokenError(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier{_quoted_guid(client_id)} was not found in the directory"
        f" '{tenant_id}'. This can happen if the application has not been installed by the"
        " administrator of the tenant or consented to by any user in the tenant. You may have sent"
        " your authentication request to the wrong tenant.",
    )


def invalid_scope() -> TokenError:
    """The scope is not `<resource>/.default`."""
    return TokenError(
        400,
        "invalid_scope",
        70011,
        "The provided request must include a 'scope' input parameter. The provided value for the"
        " input parameter 'scope' is not valid. Client credential flows must have a scope value"
        " with /.default suffixed to the resource identifier (application ID URI).",
    )


def unknown_resource(tenant_id: str) -> TokenError:
    """The resource in the scope is not Microsoft Graph."""
    return TokenError(
        400,
        "invalid_resource",
        500011,
        f"The resource principal named in the scope was not found in the tenant named {tenant_id}."
        " You might have sent your authentication request to the wrong tenant.",
    )


def no_credential() -> TokenError:
    """The request has neither a client secret nor an assertion."""
    return _invalid_client(
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or"
        " 'client_secret'.",
    )


def wrong_secret(client_id: str) -> TokenError:
    """The client has no such secret."""
    return _invalid_client(
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client"
        f" secret value, not the client secret ID, for a secret added to app '{client_id}'.",
    )


def expired_secret(client_id: str) -> TokenError:
    """The secret is the client's, but has expired."""
    return _invalid_client(
        7000222,
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal"
        " to create new keys for your app: https://aka.ms/NewClientSecret, or consider using"
        " certificate credentials for added security: https://aka.ms/certCreds.",
    )


def malformed_assertion() -> TokenError:
    """The assertion is not a JWT, or lacks a claim."""
    return _invalid_request(50027, "JWT token is invalid or malformed.")


def unregistered_certificate(reason: str) -> TokenError:
    """None of the client's certificates has signed the assertion."""
    return _invalid_client(
        700027,
        "The certificate with identifier used to sign the client assertion is not registered on"
        f" application. [Reason - {reason}]",
    )


def assertion_out_of_time() -> TokenError:
    """The assertion has expired, or is not valid yet."""
    return _invalid_client(700024, "Client assertion is not within its valid time range.")


def wrong_assertion_audience() -> TokenError:
    """The audience of the assertion is not this token endpoint."""
    return _invalid_client(700023, "Client assertion audience claim does not match Realm issuer.")


def wrong_assertion_client() -> TokenError:
    """The client in the assertion differs from the client in the form."""
    return _invalid_client(
        700021, "Client assertion application identifier doesn't match 'client_id' parameter."
    )


def unknown_federated_issuer(issuer: str = "") -> TokenError:
    """The client does not trust this issuer.

    This error and the next ones quote only claims that one of the emulator's issuers has signed.
    """
    return _no_federated_record(700211, "issuer", issuer)


def wrong_federated_subject(subject: str) -> TokenError:
    """The client trusts the issuer, but not with this subject."""
    return _no_federated_record(700213, "subject", subject)


def wrong_federated_audience(audience: str) -> TokenError:
    """The client trusts the issuer and the subject, but with another audience."""
    return _no_federated_record(700212, "audience", audience)


def unknown_federated_key(issuer: str) -> TokenError:
    """The issuer does not have the key that the assertion names."""
    return _invalid_client(
        7000272,
        "The certificate used to sign the federated credential could not be found in the metadata"
        f" of identity provider {issuer}. Please validate that your Identity Provider's metadata"
        " exposes the key used to sign the incoming token.",
    )


def wrong_federated_signature() -> TokenError:
    """The issuer's key has not signed the assertion."""
    return _invalid_client(
        50013,
        "Assertion failed signature validation. [Reason - The provided signature value did not"
        " match the expected signature value.]",
    )


def unreachable_federated_issuer() -> TokenError:
    """The client trusts the issuer, but the emulator calls no other service for its keys."""
    return _invalid_client(
        50013, "Assertion failed signature validation. [Reason - The key was not found.]"
    )


def unknown_instance() -> TokenError:
    """The request is not about a host of Entra."""
    return TokenError(400, "invalid_instance", 50049, "Unknown or invalid instance.")


def _no_federated_record(number: int, claim: str, presented: str) -> TokenError:
    quoted = f" '{presented}'" if presented else ""
    return _invalid_client(
        number,
        f"No matching federated identity record found for presented assertion {claim}{quoted}."
        " Check your federated identity credential Subject, Audience and Issuer against the"
        " presented assertion."
        " https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
    )


def _invalid_client(number: int, message: str) -> TokenError:
    return TokenError(401, "invalid_client", number, message)


def _invalid_request(number: int, message: str) -> TokenError:
    return TokenError(400, "invalid_request", number, message)


def _quoted_guid(sent: str) -> str:
    return f" '{sent}'" if is_guid(sent) else ""
