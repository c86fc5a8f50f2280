"""Giving all that belongs to some SKUs of the state in memory to another one."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from tests.unit.allocation.in_memory_state import AllocationState

from allocation_service.domain.promising.line_promise import CountedUnits
from allocation_service.domain.supply.sku import Level, Sku


def merge_skus(state: AllocationState, sku: str, merged: Sequence[str], open_lines: Collection[str]) -> None:
    """See AllocationStore."""
    gone = set(merged)
    for (name, location), level in list(state.levels.items()):
        if name in gone:
            own = state.levels.get((sku, location), Level(location, priority=level.priority, active=level.active))
            state.levels[sku, location] = replace(own, granted=own.granted + level.granted)
            del state.levels[name, location]
    for po_line, (name, inbound) in state.inbound.items():
        if name in gone:
            remaining = inbound.remaining if po_line in open_lines else 0
            state.inbound[po_line] = (sku, replace(inbound, remaining=remaining))
    for counted in (state.promised, state.claimed):
        _add_up(counted, sku, gone, CountedUnits())
    for summed in (state.demand_days, state.quotas_used):
        _add_up(summed, sku, gone, 0)
    for line_id, line in state.lines.items():
        if line.sku in gone:
            state.lines[line_id] = replace(line, sku=sku)
    for loan_id, loan in state.loans.items():
        if loan.sku in gone:
            state.loans[loan_id] = replace(loan, sku=sku)
    for deferred in (state.deferred_orders, state.deferred_orders_aside):
        for order_id, one in deferred.items():
            skus = {sku if name in gone else name for name in one.skus}
            deferred[order_id] = replace(one, skus=tuple(sorted(skus)))
    _merge_rows(state.skus, sku, gone)


def _add_up(table: MutableMapping[Any, Any], sku: str, gone: set[str], nothing: Any) -> None:
    for key, units in list(table.items()):
        if key[0] in gone:
            own = table.get((sku, *key[1:]), nothing)
            table[(sku, *key[1:])] = own.plus(*units) if isinstance(own, CountedUnits) else own + units
            del table[key]


def _merge_rows(skus: MutableMapping[str, Sku], sku: str, gone: set[str]) -> None:
    rows = [skus[name] for name in gone]
    own = skus[sku]
    times = [one.last_now for one in (own, *rows) if one.last_now is not None]
    skus[sku] = replace(
        own,
        waiting_units=own.waiting_units + sum(one.waiting_units for one in rows),
        open_loans=own.open_loans + sum(one.open_loans for one in rows),
        top_value=max(one.top_value for one in (own, *rows)),
        last_now=max(times, default=None),
    )
    for name, one in skus.items():
        if name in gone or one.merged_into in gone:
            skus[name] = replace(one, merged_into=sku, mode="discontinued", waiting_units=0, open_loans=0)
