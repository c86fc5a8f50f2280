"""Why a run left a line alone, as it was stored in English before there were codes."""

from __future__ import annotations

from allocation_service.domain.runs.run import LeftAlone

_WORDINGS = {
    "pinned: a person fixed it": LeftAlone.PINNED,
    "not decided about yet": LeftAlone.UNDECIDED,
    "its order is being decided by itself": LeftAlone.ORDER_DEFERRED,
    "it has lent or borrowed units that are to be repaid": LeftAlone.IN_LOAN,
    "its order ships complete and is not in one segment with all that is open of it": LeftAlone.ORDER_APART,
    "its order ships complete and holds a part": LeftAlone.ORDER_INCOMPLETE,
}
"""Every wording that any version stored."""


def recorded_left_alone(stored: str) -> LeftAlone | str | None:
    """What a row says, as a code or as the English of before; None for nothing, the text where neither is known."""
    if stored in _WORDINGS:
        return _WORDINGS[stored]
    try:
        return LeftAlone(stored) if stored else None
    except ValueError:
        return stored
