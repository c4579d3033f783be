"""How services are reached: through which proxy, and which certificate authorities are trusted.

azure-identity sends its requests through requests, msgraph-sdk through httpx. Both use the same
proxy for a URL.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx
import urllib3
from requests.utils import get_environ_proxies, select_proxy

from ..errors import SettingsError
from ..remedies import Explained


def check_environment(urls: Iterable[str], ca_file: str) -> None:
    """Raise SettingsError with every environment variable that prevents connections to `urls`.

    If `ca_file` is given, it replaces the variables that name certificate authorities.
    """
    problems = list(dict.fromkeys(filter(None, map(_proxy_problem, urls))))
    if _breaks_tls(os.environ.get("SSLKEYLOGFILE")):
        problems.append("SSLKEYLOGFILE: the file cannot be written. Unset it.")
    elif not ca_file:
        problems += [
            f"{name}: the file has no PEM certificates. Give the path of one that has, or unset it."
            for name in _bundles()
            if not _holds_certificates(os.environ[name])
        ]
    if problems:
        raise SettingsError(
            Explained(problem, "a-proxy-or-tls-variable-cannot-be-used") for problem in problems
        )


def proxy(url: str) -> str | None:
    """The proxy for `url`: of HTTPS_PROXY and NO_PROXY, or of the system if it has settings."""
    found = select_proxy(url, get_environ_proxies(url, None))
    if not found or not found.strip():
        return None
    found = found.strip()
    return found if "://" in found else f"http://{found}"


def _proxy_problem(url: str) -> str | None:
    if (found := proxy(url)) is None:
        return None
    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    name = next((name for name in names if os.environ.get(name)), "HTTPS_PROXY")
    if found.lower().startswith("socks"):
        return (
            f"{name}: a SOCKS proxy is not supported. Set HTTPS_PROXY to an HTTP proxy, or list"
            f" {urlsplit(url).hostname} in NO_PROXY."
        )
    if _is_usable(found):
        return None
    return (
        f"{name}: not the URL of a proxy. Give http://HOST:PORT or http://USER:PASSWORD@HOST:PORT,"
        " where special characters of the password are percent-encoded, such as # as %23."
    )


def _is_usable(proxy_url: str) -> bool:
    """Whether both libraries make the same of a proxy's URL."""
    try:
        "".join(httpx.Proxy(proxy_url).auth or ()).encode("latin-1")  # as requests sends it
        parts = urlsplit(proxy_url)
        return bool(
            re.fullmatch(r"(?i)https?://[^/?#\s]+/?", proxy_url)
            and parts.hostname
            and parts.port != 0
            and urllib3.util.parse_url(proxy_url).host
        )
    except (ValueError, httpx.InvalidURL, urllib3.exceptions.HTTPError):
        return False


def _bundles() -> list[str]:
    """The variables that name certificate authorities, for httpx and for requests."""
    pairs = (("SSL_CERT_FILE", "SSL_CERT_DIR"), ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    first = (next((name for name in pair if os.environ.get(name)), None) for pair in pairs)
    return [name for name in first if name]


def _breaks_tls(key_log_file: str | None) -> bool:
    try:
        return bool(key_log_file) and not ssl.create_default_context()
    except OSError:
        return True


def _holds_certificates(path: str) -> bool:
    if any(map(os.path.isdir, path.split(os.pathsep))):
        return True
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):
        return False
    return True
