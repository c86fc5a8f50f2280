"""Those rules of the protocol between the services that are decisions of their own; docs/protocol.md numbers them.

They are called through this module, so that a test can take one away and show what breaks. An argument that a rule
deletes is what its broken variant in such a test goes by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime


def is_newer(known: int, arriving: int) -> bool:
    """Protocol rule 1: a fact is applied only if its sequence or version is newer than the one known."""
    return arriving > known


def must_publish(*, applied: bool, changed: bool) -> bool:
    """Protocol rule 2: every applied order event is answered, whether or not it changed anything here."""
    del changed
    return applied


def decision_time(cause: datetime, last_known: Iterable[datetime | None]) -> datetime:
    """Protocol rule 3: ``now`` of a decision never runs back behind a decision on one of the same SKUs."""
    now = cause
    for moment in last_known:
        if moment is not None and moment > now:
            now = moment
    return now


def supply_of(on_hand: int, shipped: int) -> int:
    """Protocol rule 5: supply counts what has left too, since grants do: a shipment changes nothing."""
    return on_hand + shipped


def granted_after_shipment(granted: int, shipped: int) -> int:
    """Protocol rule 9: what has left the building has left; a shipment was granted, if only by leaving."""
    return max(granted, shipped)


def shortfall(free: int) -> int:
    """Protocol rule 9: units granted beyond the supply of a location, to be taken back."""
    return max(0, -free)


def may_decide(*, known: bool) -> bool:
    """Protocol rule 11: without a selling policy demand waits undecided, it is neither granted nor declined."""
    return known


def lock_order(keys: Iterable[str]) -> list[str]:
    """Protocol rule 12: rows are locked in one order everywhere, so that two workers never wait for each other."""
    return sorted(set(keys))


def decidable(order_skus: Collection[str], locked: Collection[str]) -> bool:
    """Protocol rule 13: a transaction decides only orders all of whose SKUs it locked up front."""
    return all(sku in locked for sku in order_skus)


def must_queue_behind(order_id: str, skus: Iterable[str], pending: Mapping[str, Collection[str]]) -> bool:
    """Protocol rule 13: a demand that shares a SKU with a deferred order is deferred too."""
    return any(other != order_id for sku in skus for other in pending.get(sku, ()))


def is_incomplete(*, ship_complete: bool, waiting: int, unshipped: int) -> bool:
    """Protocol rule 14: a ship-complete order that holds stock while part of it waits must release it."""
    return ship_complete and waiting > 0 and unshipped > 0


def declines_whole(*, first_decision: bool) -> bool:
    """Protocol rule 14: when a ship-complete order is first decided, one declined line declines it whole."""
    return first_decision


def units_to_judge(undecided: int, waiting: int) -> int:
    """Protocol rule 15: only units not yet decided about can be declined, never those already accepted."""
    return min(undecided, waiting)


def declined_after_change(declined: int, alive: int, granted: int) -> int:
    """Protocol rule 15: ``declined`` never covers cancelled units (``alive`` = quantity - cancelled)."""
    return max(0, min(declined, alive - granted))


def units_to_give(free: int, delta: int) -> int:
    """Fill from state: what may be handed out is supply less grants, never the delta an event names."""
    del delta
    return max(0, free)
