"""The declarations of this run's program, over all its resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..graph.target import Target
from ..wire import UNKNOWN
from .digests import canonical
from .expiry import expiry_warning
from .inputs import Inputs


class Declarations:
    """The declared credentials of each target, by the resource that declares them.

    The engine deletes what left the program after it has checked all that is in it. So a delete can
    leave the keys that another resource of the program, or its new name, declares.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._of_target: defaultdict[Target, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        self._warned: set[str] = set()

    def add(self, urn: str, inputs: Inputs) -> None:
        """Note what the resource declares, and warn about it.

        The engine checks a resource that it replaces twice: the second time counts.
        """
        now = datetime.now(timezone.utc)
        self._warn_once(expiry_warning(inputs.expires_at, inputs.target, now))
        if inputs.target is None or inputs.credentials is None:
            return
        declared = self._of_target[inputs.target]
        declared[urn] = inputs.credentials
        forms = {canonical(credentials) for credentials in declared.values()}
        if len(forms) > 1 and UNKNOWN not in "".join(forms):
            self._warn_once(
                f"two resources of this program declare {inputs.target} with different"
                " credentials. The resource that is applied last wins, and later runs do not"
                " notice. Declare a target once."
            )

    def __contains__(self, target: Target) -> bool:
        return target in self._of_target

    def keys_of(self, target: Target) -> frozenset[str]:
        """The keys that the program declares for the target."""
        declared = self._of_target.get(target, {})
        return frozenset(key for credentials in declared.values() for key in credentials)

    def _warn_once(self, line: str | None) -> None:
        if line and line not in self._warned:
            self._warned.add(line)
            self._warn(line)
