"""A step's failure as the engine reads it: one message, and what to record of the resource.

A dynamic provider can express neither: Pulumi's SDK answers every exception with its traceback, and
records nothing. gRPC's rich error model has both, and the engine prefers it to the text of
the exception:
https://grpc.io/docs/guides/error/#richer-error-model
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import grpc
from google.protobuf.any_pb2 import Any as Detail
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import ErrorResourceInitFailed
from pulumi.runtime.proto.status_pb2 import Status


class Resource(NamedTuple):
    """A resource that the state holds although its step failed: its id and all its properties."""

    id: str
    properties: Mapping[str, Any]


def send(message: str, resource: Resource | None = None) -> None:
    """Add the message, and `resource` if it is to be recorded, to the answer of this step.

    The step has to fail with an exception after it. Where no engine called it, nothing happens.
    """
    if context := calling():
        # The SDK answers every exception with this code.
        context.set_trailing_metadata(metadata(grpc.StatusCode.UNKNOWN, message, resource))


def metadata(
    code: grpc.StatusCode, message: str, resource: Resource | None = None
) -> tuple[tuple[str, bytes]]:
    """The metadata of an answer with `code` that holds the message and the resource to record.

    The engine reads it only if its code is that of the answer.
    """
    number, _ = code.value
    status = Status(code=number, message=message)
    if resource is not None:
        properties = Struct()
        properties.update({k: v for k, v in resource.properties.items() if v is not None})
        failed = ErrorResourceInitFailed(id=resource.id, properties=properties, reasons=[message])
        detail = Detail()
        detail.Pack(failed)
        status.details.append(detail)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def calling() -> grpc.ServicerContext | None:
    """The context of the engine's call, which Pulumi's SDK holds some frames above."""
    context = _locals_of_call().get("context")
    return context if isinstance(context, grpc.ServicerContext) else None


def urn() -> str:
    """The URN of the resource that the engine's call is for, or ""."""
    return str(getattr(_locals_of_call().get("request"), "urn", ""))


def _locals_of_call() -> Mapping[str, Any]:
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if isinstance(frame.f_locals.get("context"), grpc.ServicerContext):
            return frame.f_locals
    return {}
