"""Each assumption of the emulator, tested on a tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live.experiments import Experiment, Unsettled, experiment
from live.place import MissingSettingError, Place


def test_the_assumption_matches_the_answer(
    place: Place,
    assumption: str,
    value: Any,
    findings: Callable[[Place, Experiment], Any],
    record_property: Callable[[str, object], None],
) -> None:
    try:
        found = findings(place, experiment(assumption))[assumption]
    except MissingSettingError as error:
        pytest.skip(str(error))
    if isinstance(found, Unsettled):
        verdict = f"{assumption} is not settled: {found}"
    elif found == value:
        verdict = f"{assumption} is a fact: Assumptions({assumption}={value!r})"
    else:
        verdict = f"{assumption} is wrong: Graph's is Assumptions({assumption}={found!r})"
    record_property("live", place.mask("\n".join([verdict, *("  " + t for t in place.transcript)])))
    if isinstance(found, Unsettled) and place.is_live:
        pytest.skip(str(found))
    assert found == value, place.mask(verdict)
