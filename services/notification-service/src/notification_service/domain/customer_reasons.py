"""Which of allocation's reasons customers are told. The others are about how stock is divided among customers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from notification_service.domain.lines import ChangeKind, LineChange
from notification_service.domain.reasons import Reason

_SHIPS_COMPLETE: Mapping[str, tuple[str, ...]] = {"ships_complete": (), "ships_complete_stock_kept": ()}
CUSTOMER_REASONS: Mapping[ChangeKind, Mapping[str, tuple[str, ...]]] = {
    ChangeKind.DECLINED: {
        "discontinued": (),
        "stock_only": (),
        "backorder_cap_reached": (),
        "no_promise_date": ("acceptable",),
        "promised_too_late": ("expected", "acceptable"),
        "other_line_declined": (),
    },
    ChangeKind.TAKEN_BACK: {
        "stock_shortfall": (),
        "stock_shortfall_shared": (),
        "no_longer_complete": (),
        **_SHIPS_COMPLETE,
    },
    ChangeKind.PLACED_ON_BACKORDER: _SHIPS_COMPLETE,
}
"""The codes that are told with a kind of change, each with the parameters that are told of it; all of these are days.

A line has the reason of its newest decision only. One that does not fit the kind of change is about other units.
"""


def customer_reason(change: LineChange) -> Reason | None:
    """The reason as the customer is told it, without words; None where it is not for customers, or is not whole."""
    told = CUSTOMER_REASONS.get(change.kind, {}).get(change.reason.code or "")
    if told is None:
        return None
    parameters = {name: change.reason.parameters.get(name) for name in told}
    days = {name: value for name, value in parameters.items() if isinstance(value, str) and _is_day(value)}
    return Reason(code=change.reason.code, parameters=dict(days)) if len(days) == len(told) else None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
