"""The ids of Microsoft Entra."""

from __future__ import annotations

import re
from typing import Final

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""An object id, a tenant id or a client id, in either case."""
