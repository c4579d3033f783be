from __future__ import annotations

import pytest


@pytest.fixture
def machine() -> dict[str, object]:
    """What a run notes about where and when it took place."""
    return {
        "date": "2026-01-01",
        "package": "1.2.3",
        "cores": 2,
        "system": "Linux x86_64",
        "python": "3.12.0",
        "Pulumi CLI": "v3.250.0",
        "Pulumi SDK": "3.272.0",
        "minutes": 3.5,
        "load before": 0.1,
        "load after": 0.2,
    }
