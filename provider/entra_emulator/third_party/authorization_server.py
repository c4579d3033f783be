"""The OAuth authorization server of the application that users are provisioned into.

The emulator stands in for it, so a code is really exchanged: it works once, expires and can be
refused. `ThirdPartyRoutes` serves it over HTTP; the tenant's synchronization service calls it
directly.

https://www.rfc-editor.org/rfc/rfc6749
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from ..state.model import Grant, State, ThirdPartyClient, digest
from ..state.store import Store

THIRD_PARTY_PATH = "/third-party"

THIRD_PARTY_NAME = "fabrikam"
"""Its name in the URLs of its endpoints."""

TOKEN_LIFETIME = 3600

# Public, like the tenant's default client.
DEFAULT_THIRD_PARTY_CLIENT_ID = "entra-provisioning"
DEFAULT_THIRD_PARTY_CLIENT_SECRET = "third-party-secret-not-a-secret"  # noqa: S105
DEFAULT_REDIRECT_URI = "https://portal.azure.com/TokenAuthorize"


class ThirdPartyError(Exception):
    """A refusal: HTTP status, the `error` of RFC 6749, 5.2 and its `error_description`."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description

    @property
    def body(self) -> dict[str, str]:
        """The JSON of the answer."""
        return {"error": self.error, "error_description": self.description}


class ThirdParty:
    """The third party's clients, codes and tokens. No error quotes what a client has sent."""

    def __init__(self, store: Store) -> None:
        self._reading = store.reading
        self._changing = store.changing
        self._now = store.now
        self._urls: tuple[str, ...] = ()
        store.state.third_party.clients.setdefault(
            DEFAULT_THIRD_PARTY_CLIENT_ID,
            ThirdPartyClient(
                DEFAULT_THIRD_PARTY_CLIENT_ID,
                digest(DEFAULT_THIRD_PARTY_CLIENT_SECRET),
                [DEFAULT_REDIRECT_URI],
            ),
        )

    # Where it is

    def serve_at(self, *urls: str) -> None:
        """Sets the base URLs of the emulator; the first one appears in the endpoints' URLs."""
        self._urls = tuple(f"{url}{THIRD_PARTY_PATH}" for url in urls)

    @property
    def token_url(self) -> str:
        """Its token endpoint, for `Oauth2TokenExchangeUri`."""
        return self._url("token")

    @property
    def authorization_url(self) -> str:
        """Its authorization endpoint, for `Oauth2AuthorizationUri`."""
        return self._url("authorize")

    @property
    def scim_url(self) -> str:
        """Its SCIM endpoint, for `BaseAddress`."""
        return self._url("scim")

    def has_token_endpoint_at(self, url: str) -> bool:
        """Whether this is the URL of its token endpoint, under any name of this machine."""
        return self._is_own(url) and urlsplit(url).path.endswith("/token")

    def has_scim_endpoint_at(self, url: str) -> bool:
        """Whether this is the URL of its SCIM endpoint."""
        return self._is_own(url) and urlsplit(url).path.rstrip("/").endswith("/scim")

    def is_at(self, url: str) -> bool:
        """Whether this URL leads to the emulator at all, even to an unknown path."""
        return any(url.startswith(own.removesuffix(THIRD_PARTY_PATH) + "/") for own in self._urls)

    # Its clients, codes and tokens

    def register_client(
        self, client_id: str, secret: str, redirect_uris: Iterable[str] = ()
    ) -> None:
        """Registers a client with this secret, or replaces its registration."""
        client = ThirdPartyClient(client_id, digest(secret), list(redirect_uris))
        with self._changing() as state:
            state.third_party.clients[client_id] = client

    def issue_code(
        self,
        client_id: str = DEFAULT_THIRD_PARTY_CLIENT_ID,
        redirect_uri: str = DEFAULT_REDIRECT_URI,
        expires_in: float = 600,
    ) -> str:
        """An authorization code, as the third party issues it after an administrator's consent.

        ThirdPartyError if the client does not exist, or has not registered the redirect URI.
        """
        code = f"code-{randomness.token_urlsafe(24)}"
        expires = self._now() + timedelta(seconds=expires_in)
        with self._changing() as state:
            client = state.third_party.clients.get(client_id)
            if client is None:
                raise ThirdPartyError("invalid_client", "The client is not known.", 401)
            if redirect_uri not in client.redirect_uris:
                raise ThirdPartyError("invalid_request", "The redirect URI is not the client's.")
            state.third_party.grants[digest(code)] = Grant("code", client_id, expires, redirect_uri)
        return code

    def issue_token(self, expires_in: float | None = None) -> str:
        """A bearer token, for `SecretToken`: valid for `expires_in` seconds, or until `revoke`."""
        expires = None if expires_in is None else self._now() + timedelta(seconds=expires_in)
        token = f"bearer-{randomness.token_urlsafe(24)}"
        with self._changing() as state:
            state.third_party.grants[digest(token)] = Grant("access", None, expires)
        return token

    def revoke(self, value: str) -> None:
        """Refuses this token, code, secret or password from now on, whoever has issued it."""
        with self._changing() as state:
            state.third_party.revoked.add(digest(value))

    def refuses(self, value: str) -> bool:
        """Whether the value was revoked."""
        with self._reading() as state:
            return digest(value) in state.third_party.revoked

    def accepts(self, token: str) -> bool:
        """Whether this is one of its own access tokens, and still valid."""
        with self._reading() as state:
            grant = state.third_party.grants.get(digest(token))
            return grant is not None and grant.use == "access" and self._is_valid(state, token)

    # Its endpoints

    def authorize(self, query: Mapping[str, str]) -> str:
        """The URL that a browser returns to with a code. The administrator always consents.

        https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
        """
        if query.get("response_type") != "code":
            raise ThirdPartyError("unsupported_response_type", "Only 'code' is supported.")
        redirect_uri = query.get("redirect_uri", "")
        code = self.issue_code(query.get("client_id", ""), redirect_uri)
        answer = {"code": code} | ({"state": query["state"]} if "state" in query else {})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer)}"

    def token(
        self, form: Mapping[str, str] | None, authorization: str | None = None
    ) -> dict[str, Any]:
        """Answers a token request; `form` is None if the body is not a form.

        https://www.rfc-editor.org/rfc/rfc6749#section-5
        """
        if form is None:
            raise ThirdPartyError("invalid_request", "The body is no form.")
        grants = {
            "authorization_code": self._exchange_code,
            "refresh_token": self._exchange_refresh_token,
            "client_credentials": self._exchange_client_credentials,
        }
        grant_type = form.get("grant_type")
        if not grant_type:
            raise ThirdPartyError("invalid_request", "The parameter 'grant_type' is missing.")
        if grant_type not in grants:
            raise ThirdPartyError("unsupported_grant_type", "The grant type is not supported.")
        refusal: ThirdPartyError | None = None
        answer: dict[str, Any] = {}
        # A refusal can change the state too: a code that is used twice revokes its tokens.
        with self._changing() as state:
            try:
                client = self._client(state, form, authorization)
                answer = grants[grant_type](state, client, form)
            except ThirdPartyError as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return answer

    def _client(
        self, state: State, form: Mapping[str, str], authorization: str | None
    ) -> ThirdPartyClient:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization is not None:
            client_id, secret = _basic(authorization)
        client = state.third_party.clients.get(client_id)
        if client is None:
            raise ThirdPartyError("invalid_client", "The client is not known.", 401)
        if not hmac.compare_digest(client.secret, digest(secret)) or self.refuses(secret):
            raise ThirdPartyError("invalid_client", "The client secret is not the client's.", 401)
        return client

    def _exchange_code(
        self, state: State, client: ThirdPartyClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        code = _required(form, "code")
        grant = state.third_party.grants.get(digest(code))
        if grant is None or grant.use != "code" or grant.client_id != client.client_id:
            raise ThirdPartyError("invalid_grant", "The authorization code is not known.")
        if grant.spent:
            # https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
            for name, other in state.third_party.grants.items():
                if other.code == digest(code):
                    state.third_party.revoked.add(name)
            raise ThirdPartyError("invalid_grant", "The authorization code has been used.")
        if not self._is_valid(state, code):
            raise ThirdPartyError("invalid_grant", "The authorization code has expired.")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise ThirdPartyError(
                "invalid_grant", "The redirect URI is not the one that the code was sent to."
            )
        grant.spent = True
        return self._tokens(state, client, digest(code))

    def _exchange_refresh_token(
        self, state: State, client: ThirdPartyClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        token = _required(form, "refresh_token")
        grant = state.third_party.grants.get(digest(token))
        if grant is None or grant.use != "refresh" or grant.client_id != client.client_id:
            raise ThirdPartyError("invalid_grant", "The refresh token is not known.")
        if not self._is_valid(state, token):
            raise ThirdPartyError("invalid_grant", "The refresh token has been revoked.")
        return self._tokens(state, client, grant.code, refresh=False)

    def _exchange_client_credentials(
        self, state: State, client: ThirdPartyClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        return self._tokens(state, client, None, refresh=False)

    def _tokens(
        self, state: State, client: ThirdPartyClient, code: str | None, *, refresh: bool = True
    ) -> dict[str, Any]:
        grants = state.third_party.grants
        access = f"access-{randomness.token_urlsafe(24)}"
        expires = self._now() + timedelta(seconds=TOKEN_LIFETIME)
        grants[digest(access)] = Grant("access", client.client_id, expires, code=code)
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
        }
        if refresh:
            answer["refresh_token"] = f"refresh-{randomness.token_urlsafe(24)}"
            granted = Grant("refresh", client.client_id, None, code=code)
            grants[digest(answer["refresh_token"])] = granted
        return answer

    # Helpers

    def _is_valid(self, state: State, value: str) -> bool:
        grant = state.third_party.grants[digest(value)]
        in_time = grant.expires is None or self._now() < grant.expires
        return in_time and digest(value) not in state.third_party.revoked

    def _is_own(self, url: str) -> bool:
        return any(url.startswith(f"{own}/") for own in self._urls)

    def _url(self, endpoint: str) -> str:
        if not self._urls:
            raise RuntimeError("the third party has no URL until the emulator runs")
        return f"{self._urls[0]}/{THIRD_PARTY_NAME}/{endpoint}"


def _basic(authorization: str) -> tuple[str, str]:
    # https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (ValueError, binascii.Error):
        raise ThirdPartyError("invalid_client", "The client is not known.", 401) from None
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _required(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise ThirdPartyError("invalid_request", f"The parameter '{name}' is missing.")
    return form[name]
