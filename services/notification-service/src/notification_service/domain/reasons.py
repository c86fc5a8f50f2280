"""Why allocation decided about a line as it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reason:
    """In English words, and as a ``code`` with its ``parameters``, of which days are text as ISO 8601 has them.

    Without a code: nothing was decided yet, or it was before allocation's answers had codes.
    """

    words: str = ""
    code: str | None = None
    parameters: Mapping[str, str | bool | int] = field(default_factory=dict)


NO_REASON = Reason()
"""Of a line that nothing was decided about."""
