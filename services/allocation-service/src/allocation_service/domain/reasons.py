"""Why a demand got what it got: a code with its parameters. Words are made of them at the edge, by language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.policies.policy import Share


class ReasonCode(StrEnum):
    """What stood behind a decision about a demand. The codes are stored and published: none is ever renamed."""

    GRANTED = "granted"
    """It got all that it asked for."""
    SUPPLY_RAN_OUT = "supply_ran_out"
    """The free stock did not reach further."""
    HELD_BACK = "held_back"
    """``kept`` units are kept for orders of ``tier`` (and, if ``or_better``, of better ones) still to come."""
    QUOTA_USED_UP = "quota_used_up"
    """The channel or region (``field``) called ``name`` has had its ``quota`` since the last receipt."""
    KEPT_FOR_PASSED_ORDER = "kept_for_passed_order"
    """The stock is kept for an order that others have passed as often as the policy allows."""
    SHIPS_COMPLETE = "ships_complete"
    """Its order ships complete and cannot be filled whole."""
    SHIPS_COMPLETE_STOCK_KEPT = "ships_complete_stock_kept"
    """The same, and after being ``passed`` that often, its stock is kept for it."""
    DECIDED_SEPARATELY = "decided_separately"
    """Its order is decided in a transaction of its own that locks all of its SKUs."""
    BEHIND_DEFERRED_ORDER = "behind_deferred_order"
    """An order before it is still to be decided in a transaction of its own."""
    STOCK_SHORTFALL = "stock_shortfall"
    """There is less stock than was granted, and the last in the queue give back first."""
    STOCK_SHORTFALL_SHARED = "stock_shortfall_shared"
    """There is less stock than was granted, and its class shares the loss as ``share`` says."""
    NO_LONGER_COMPLETE = "no_longer_complete"
    """Its order ships complete, and a part of it waits again: all of its stock is given back."""
    SELLING_MODE_UNKNOWN = "selling_mode_unknown"
    """Inventory has not said yet how the SKU is sold."""
    DISCONTINUED = "discontinued"
    """The SKU is no longer sold."""
    STOCK_ONLY = "stock_only"
    """The SKU is sold from stock only, and ``available`` of ``requested`` units were there."""
    BACKORDER_CAP_REACHED = "backorder_cap_reached"
    """No more than ``cap`` units of the SKU may wait."""
    NO_PROMISE_DATE = "no_promise_date"
    """No date can be named, and the order accepts none after ``acceptable``."""
    PROMISED_TOO_LATE = "promised_too_late"
    """It is ``expected`` later than the last ``acceptable`` day."""
    OTHER_LINE_DECLINED = "other_line_declined"
    """Its order ships complete, and another line of it is declined."""
    LENT = "lent"
    """``units`` serve a line that is due before any stock comes; they are due back on the day ``due_back``."""
    BORROWED = "borrowed"
    """``units`` are lent by a line that needs them on the day ``needed_on``."""
    LOAN_REPAID = "loan_repaid"
    """What it had lent came back."""
    GRANTED_BY_RUN = "granted_by_run"
    """A run gave it units under ``strategy``."""
    TAKEN_BACK_BY_RUN = "taken_back_by_run"
    """A run took units from it under ``strategy``."""
    UNCHANGED_BY_RUN = "unchanged_by_run"
    """It took part in a run under ``strategy`` and keeps what it had."""
    UNRECOGNISED = "unrecognised"
    """Stored by another version of the service: ``text`` is what was stored."""


Parameter = str | int | date
"""Of a reason: a name, a number of units, a truth value or a day."""


class Reason(NamedTuple):
    """Why, as data; which parameters there are is said by the code.

    ``partly`` (true) is a parameter of any code that limits what can be given: some units were given all the same.
    """

    code: ReasonCode
    parameters: Mapping[str, Parameter] = {}

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.parameters.items())))

    @property
    def is_partial(self) -> bool:
        """Some, but not all units were given."""
        return bool(self.parameters.get("partly"))

    @property
    def declines(self) -> bool:
        """The units were declined."""
        return self.code in _DECLINING

    def in_part(self) -> Reason:
        """The same reason where some units were given nevertheless."""
        return Reason(self.code, {**self.parameters, "partly": True})


_DECLINING = frozenset(
    {
        ReasonCode.DISCONTINUED,
        ReasonCode.STOCK_ONLY,
        ReasonCode.BACKORDER_CAP_REACHED,
        ReasonCode.NO_PROMISE_DATE,
        ReasonCode.PROMISED_TOO_LATE,
        ReasonCode.OTHER_LINE_DECLINED,
    }
)

GRANTED = Reason(ReasonCode.GRANTED)
RAN_OUT = Reason(ReasonCode.SUPPLY_RAN_OUT)
PARTLY = RAN_OUT.in_part()
INCOMPLETE = Reason(ReasonCode.SHIPS_COMPLETE)
DEFERRED = Reason(ReasonCode.DECIDED_SEPARATELY)
BEHIND = Reason(ReasonCode.BEHIND_DEFERRED_ORDER)
TAKEN_BACK = Reason(ReasonCode.STOCK_SHORTFALL)
RELEASED = Reason(ReasonCode.NO_LONGER_COMPLETE)
UNDECIDED = Reason(ReasonCode.SELLING_MODE_UNKNOWN)
DISCONTINUED = Reason(ReasonCode.DISCONTINUED)
OTHER_LINE_DECLINED = Reason(ReasonCode.OTHER_LINE_DECLINED)
REPAID = Reason(ReasonCode.LOAN_REPAID)


class Limit(NamedTuple):
    """At most ``units`` can be given; ``why`` is the reason where they are none."""

    units: int
    why: Reason = RAN_OUT

    def reason(self, given: int, wanted: int) -> Reason:
        """Why ``given`` of ``wanted`` units."""
        if given == wanted:
            return GRANTED
        return self.why.in_part() if given else self.why


def held_back(units: int, tier: str, kept: int, *, or_better: bool) -> Limit:
    """Stock is kept for better tiers that are expected to order before the next receipt."""
    return Limit(units, Reason(ReasonCode.HELD_BACK, {"tier": tier, "or_better": or_better, "kept": kept}))


def used_up(units: int, field: str, name: str, quota: int) -> Limit:
    """The channel or region has had its quota since the last receipt."""
    return Limit(units, Reason(ReasonCode.QUOTA_USED_UP, {"field": field, "name": name, "quota": quota}))


def kept_for_others(units: int) -> Limit:
    """Stock is kept for an order that was passed as often as may be."""
    return Limit(units, Reason(ReasonCode.KEPT_FOR_PASSED_ORDER))


def kept_for_it(passed: int) -> Reason:
    """The order itself still waits, but nobody passes it any more."""
    return Reason(ReasonCode.SHIPS_COMPLETE_STOCK_KEPT, {"passed": passed})


def shared_loss(share: Share) -> Reason:
    """A class that shares what it is given shares what it loses."""
    return Reason(ReasonCode.STOCK_SHORTFALL_SHARED, {"share": share.value})


def stock_only(available: int, requested: int) -> Reason:
    """Declined: the SKU is sold from stock only, and there is too little."""
    return Reason(ReasonCode.STOCK_ONLY, {"available": available, "requested": requested})


def cap_reached(cap: int) -> Reason:
    """Declined: no more units of the SKU may wait."""
    return Reason(ReasonCode.BACKORDER_CAP_REACHED, {"cap": cap})


def too_late(expected: date | None, acceptable: date) -> Reason:
    """Declined: it would come after the last acceptable day, or on no day that can be named."""
    if expected is None:
        return Reason(ReasonCode.NO_PROMISE_DATE, {"acceptable": acceptable})
    return Reason(ReasonCode.PROMISED_TOO_LATE, {"expected": expected, "acceptable": acceptable})


def lent(units: int, due_back: date) -> Reason:
    """Units of a line serve another one for a while."""
    return Reason(ReasonCode.LENT, {"units": units, "due_back": due_back})


def borrowed(units: int, needed_on: date) -> Reason:
    """Units come from a line that needs them later."""
    return Reason(ReasonCode.BORROWED, {"units": units, "needed_on": needed_on})


def moved_by_run(change: int, strategy: str) -> Reason:
    """What a run did to a line that took part in it."""
    code = ReasonCode.UNCHANGED_BY_RUN
    if change:
        code = ReasonCode.GRANTED_BY_RUN if change > 0 else ReasonCode.TAKEN_BACK_BY_RUN
    return Reason(code, {"strategy": strategy})
