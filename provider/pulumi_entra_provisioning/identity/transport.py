"""The HTTP transport that azure-identity uses."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from ..network.bodies import LIMIT, UnusableAnswerError, decoded
from ..network.environment import proxy

if TYPE_CHECKING:
    from azure.core.rest import HttpResponse


# azure.core imports its base class late, where mypy does not see it.
class SignInTransport(RequestsTransport):  # type: ignore[misc, no-any-unimported]
    """A transport to Entra, or to a token service of a pipeline or a machine.

    `note` is given every answer. With `on_this_machine`, the services are on the machine itself:
    no proxy is used, because it would see their tokens, and a connection opens at once or never.
    """

    def __init__(
        self,
        ca_file: str,
        note: Callable[[HttpResponse], None],
        *,
        on_this_machine: bool = False,
    ) -> None:
        session = requests.Session()
        # Otherwise requests would replace the token with credentials from .netrc.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _BoundedAdapter(by_proxy=not on_this_machine))
        variables = (os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        super().__init__(
            session=session,
            connection_verify=ca_file or next(filter(None, variables), True),
            connection_timeout=2 if on_this_machine else 30,
            read_timeout=100,
        )
        self._note = note

    def send(self, request: Any, **kwargs: Any) -> Any:
        """The answer to a request, as azure.core's RequestsTransport has it."""
        response = super().send(request, **kwargs)
        self._note(response)
        return response


class _BoundedAdapter(HTTPAdapter):
    """The adapter of requests, whose answers come whole and decoded."""

    def __init__(self, by_proxy: bool) -> None:
        super().__init__()
        self._by_proxy = by_proxy

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        url = str(request.url)
        found = proxy(url) if self._by_proxy else None
        kwargs |= {"proxies": {urlsplit(url).scheme: found} if found else {}, "stream": True}
        response = super().send(request, *args, **kwargs)
        response.raw.enforce_content_length = True
        try:
            body = response.raw.read(LIMIT + 1, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        if len(body) > LIMIT:
            response.close()
        try:
            body = decoded(body, response.headers, response.status_code)
        except UnusableAnswerError as error:
            raise UnusableAnswerError(error.status, str(error), url) from None
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        return response
