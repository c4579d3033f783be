"""Why a request cannot be served, before any service has looked at its meaning."""

from __future__ import annotations


class NotEmulatedError(Exception):
    """The emulator does not implement something that Microsoft's service may have."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"The emulator does not implement {feature}. Microsoft Graph might.")


class MethodNotAllowedError(Exception):
    """The path exists, with the other HTTP methods in `allow`."""

    def __init__(self, allow: str) -> None:
        super().__init__("Specified HTTP method is not allowed for the request target.")
        self.allow = allow


class BodyError(Exception):
    """The body of a request is not what the service reads."""


class ContentTypeError(BodyError):
    """The body's content type is not JSON."""

    def __init__(self) -> None:
        super().__init__("Entity only allows writes with a JSON Content-Type header.")


class MalformedJsonError(BodyError):
    """The body is missing, is not JSON, or is nested too deeply."""

    def __init__(self) -> None:
        super().__init__(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and"
            " payload is of valid JSON format."
        )
