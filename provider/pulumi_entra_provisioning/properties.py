"""The resource's properties as the engine has them, by their names on the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from .lifecycle.inputs import INPUTS
from .lifecycle.outputs import Outputs
from .wire import camel_case

OUTPUTS: Final = tuple(field.name for field in dataclasses.fields(Outputs))

# The one mapping between the names of Python and those of the engine's wire and state.
WIRE_NAMES: Final = {name: camel_case(name) for name in (*INPUTS, *OUTPUTS)}
PYTHON_NAMES: Final = {wire_name: name for name, wire_name in WIRE_NAMES.items()}


def inputs_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs among `properties`, by their Python names."""
    return {
        name: properties[wire_name]
        for name in INPUTS
        if (wire_name := WIRE_NAMES[name]) in properties
    }


def outputs_of(properties: Mapping[str, Any]) -> Outputs:
    """The outputs that a step of this version or an earlier one left."""
    known: dict[str, Any] = {name: properties.get(WIRE_NAMES[name]) for name in OUTPUTS}
    return Outputs(**{**known, "keys_to_empty": known["keys_to_empty"] or []})


def properties_of(named: Mapping[str, Any] | Outputs) -> dict[str, Any]:
    """Outputs, or inputs by their Python names, as properties."""
    values = dataclasses.asdict(named) if isinstance(named, Outputs) else named
    return {WIRE_NAMES[name]: value for name, value in values.items()}
