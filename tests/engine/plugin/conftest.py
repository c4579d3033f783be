from __future__ import annotations

import pytest
from support.native import NativeStack


@pytest.fixture
def front_end() -> type[NativeStack]:
    return NativeStack
