"""Segments as plain JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from allocation_service.domain.policies.policy import Sort
from allocation_service.domain.runs.run import Filter, Segment, Strategy

_LISTS = ("tiers", "channels", "regions", "customer_ids", "skus", "order_ids")


def segment_document(segment: Segment) -> dict[str, Any]:
    """A segment with what its filter asks for; what it does not ask for is left out."""
    wanted = segment.filter
    asked: dict[str, Any] = {name: list(getattr(wanted, name)) for name in _LISTS if getattr(wanted, name)}
    if wanted.waiting_before is not None:
        asked["waiting_before"] = wanted.waiting_before.isoformat()
    if wanted.needed_before is not None:
        asked["needed_before"] = wanted.needed_before.isoformat()
    if wanted.ship_complete is not None:
        asked["ship_complete"] = wanted.ship_complete
    return {
        "name": segment.name,
        "strategy": segment.strategy.value,
        "sort": segment.sort.value,
        "filter": asked,
    }


def segment_from(document: Mapping[str, Any]) -> Segment:
    """The segment of a document."""
    asked = document["filter"]
    lists = {name: tuple(asked.get(name, ())) for name in _LISTS}
    before, needed = asked.get("waiting_before"), asked.get("needed_before")
    wanted = Filter(
        **lists,
        waiting_before=datetime.fromisoformat(before) if before else None,
        needed_before=date.fromisoformat(needed) if needed else None,
        ship_complete=asked.get("ship_complete"),
    )
    return Segment(document["name"], Strategy(document["strategy"]), wanted, Sort(document["sort"]))
