"""The target of an authorization: one application or one service principal of the directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..guid import GUID

Kind = Literal["applications", "servicePrincipals"]


@dataclass(frozen=True)
class Target:
    """An object of the directory, written as in Graph's path: `servicePrincipals/<object id>`."""

    kind: Kind
    object_id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.object_id}"


def parse(text: str, kind: Kind | None = None) -> Target | None:
    """The target that `text` names, or None.

    Accepts an object id (a GUID, in any case) if `kind` is given, and the path
    `/servicePrincipals/<guid>` or `/applications/<guid>` that pulumi-azuread gives as `id`.
    """
    *collection, object_id = text.strip().strip("/").split("/")
    if not GUID.fullmatch(object_id):
        return None
    named = "/".join(collection)
    found = next((known for known in get_args(Kind) if known == named), None) if named else kind
    if found is None or (kind is not None and found != kind):
        return None
    return Target(found, object_id.lower())
