"""Write what other languages and systems read: JSON Schemas, golden examples and the AsyncAPI document.

``python -m event_contracts.publish`` rewrites the files; ``--check`` only says whether they are up to date.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
ASYNCAPI_FILE = _HERE / "asyncapi.json"


@cache
def asyncapi_text() -> str:
    """The published AsyncAPI document."""
    return ASYNCAPI_FILE.read_text(encoding="utf-8")
