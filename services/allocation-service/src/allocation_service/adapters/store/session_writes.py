"""Storing a session: one statement a table, COPY where rows are only added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import orjson

from allocation_service.adapters.lateness.first_promise_writes import first_promise_steps, promise_source_columns
from allocation_service.adapters.lending import loan_writes
from allocation_service.adapters.store import decision_writes, policy_inputs
from allocation_service.adapters.store.reason_columns import columns_of
from allocation_service.adapters.store.write_plan import COPY_FROM, Copy, Execute, WriteStep
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.session_records import LineAsStored
from allocation_service.domain.demand.line import Line
from allocation_service.domain.policies.policy import NO_DATE
from service_kit.persistence.bulk import Columns, arrays, assignments, insert, names, or_update, unnest
from service_kit.persistence.statements import Statement


def steps_of(session: AllocationSession) -> Iterator[WriteStep]:
    """All that stores what changed in the session; take the steps before the session changes again."""
    touched = [(session.lines[line_id], stored) for line_id, stored in session.unwritten.lines_as_stored.items()]
    yield from _skus(session)
    yield from _orders(session)
    yield from _lines(session, touched)
    yield from _commitments(touched)
    yield from _queue(session, touched)
    yield from _promises(session)
    yield from first_promise_steps(session.unwritten.first_promises)
    yield from _deferred_orders(session)
    yield from policy_inputs.steps_of(session)
    yield from loan_writes.steps_of(session)
    yield from decision_writes.steps_of(session.unwritten.decisions)


def _insert(table: str, columns: Columns, rest: str = "") -> Statement:
    return Statement(insert(table, columns, rest), changes=table)


_SKU = (
    ("sku", "text"), ("known", "boolean"), ("mode", "text"), ("cap", "bigint"), ("release_at", "timestamptz"),
    ("lead_time_days", "int"), ("category", "text"), ("policy_version", "bigint"), ("last_now", "timestamptz"),
    ("waiting_units", "bigint"), ("top_value", "bigint"),
)  # fmt: skip
_SKU_ROWS = _insert("sku", _SKU, or_update(_SKU, 1))
_LEVEL = (
    ("sku", "text"), ("location", "text"), ("on_hand", "bigint"), ("shipped", "bigint"), ("version", "bigint"),
    ("priority", "int"), ("granted", "bigint"), ("active", "boolean"),
)  # fmt: skip
_LEVEL_ROWS = _insert("stock_level", _LEVEL, or_update(_LEVEL, 2))
_INBOUND = (
    ("po_line", "text"), ("sku", "text"), ("remaining", "bigint"), ("eta", "timestamptz"), ("supplier", "text"),
    ("location", "text"), ("version", "bigint"), ("ordered", "bigint"), ("ordered_at", "timestamptz"),
)  # fmt: skip
_INBOUND_ROWS = _insert("inbound", _INBOUND, or_update(_INBOUND, 1))


def _skus(session: AllocationSession) -> Iterator[WriteStep]:
    changed = [session.skus[sku] for sku in sorted(session.unwritten.skus)]
    if changed:
        rows = (
            (s.sku, s.known, s.mode, s.cap, s.release_at, s.lead_time_days, s.category, s.policy_version, s.last_now,
             s.waiting_units, s.top_value) for s in changed
        )  # fmt: skip
        yield Execute(_SKU_ROWS, arrays(_SKU, rows))
    levels = [
        (sku.sku, one.location, one.on_hand, one.shipped, one.version, one.priority, one.granted, one.active)
        for sku in session.skus.values()
        for one in sku.levels.values()
        if one.changed
    ]
    if levels:
        yield Execute(_LEVEL_ROWS, arrays(_LEVEL, levels))
    inbound = [
        (
            one.po_line,
            sku.sku,
            one.remaining,
            one.eta,
            one.supplier,
            one.location,
            one.version,
            one.ordered,
            one.ordered_at,
        )
        for sku in session.skus.values()
        for one in sku.inbound.values()
        if one.changed
    ]
    if inbound:
        yield Execute(_INBOUND_ROWS, arrays(_INBOUND, inbound))


_ORDER = (
    ("order_id", "text"), ("basis", "bigint"), ("reference", "text"), ("placed_at", "timestamptz"),
    ("ship_complete", "boolean"), ("customer_id", "text"), ("tier", "text"), ("tier_rank", "int"),
    ("channel", "text"), ("region", "text"), ("needed_by", "date"), ("latest_acceptable", "date"),
    ("preference", "text"), ("correlation_id", "text"), ("placed", "boolean"), ("answer_due", "text"),
    ("bypassed", "int"),
)  # fmt: skip
_ORDER_NAMES = tuple(name for name, _ in _ORDER)
_ORDER_ATTRIBUTES = {"placed": "decided_before", "answer_due": "event_due"}
"""Attributes of an order that are called otherwise than their column."""
_order_values = attrgetter(*[_ORDER_ATTRIBUTES.get(name, name) for name in _ORDER_NAMES])
# Of an order that is there, others may count at the same time that it was passed: see policy_inputs.
_ORDER_ROWS = _insert("customer_order", _ORDER, or_update([column for column in _ORDER if column[0] != "bypassed"], 1))


def _orders(session: AllocationSession) -> Iterator[WriteStep]:
    changed = sorted((order for order in session.orders.values() if order.changed), key=lambda one: one.order_id)
    new = [order for order in changed if not order.stored]
    if len(new) > COPY_FROM:
        yield Copy("customer_order", _ORDER_NAMES, [_order_values(order) for order in new])
        changed = [order for order in changed if order.stored]
    rows = [_order_values(order) for order in changed]
    if rows:
        yield Execute(_ORDER_ROWS, arrays(_ORDER, rows))


_LINE = (
    ("line_id", "text"), ("order_id", "text"), ("sku", "text"), ("quantity", "bigint"), ("cancelled", "bigint"),
    ("declined", "bigint"), ("undecided", "bigint"), ("granted_units", "bigint"), ("live_units", "bigint"),
    ("queued_at", "timestamptz"), ("layers", "jsonb"), ("line_version", "bigint"), ("reason_code", "text"),
    ("reason_parameters", "jsonb"), ("promise_date", "date"), ("promise_revision", "int"), ("promise_cause", "text"),
    ("unit_value", "bigint"), ("claim_date", "date"), ("backed", "boolean"), ("promise_basis", "text"),
    ("promise_source", "text"), ("promise_confidence", "smallint"), ("promise_table", "bigint"),
    ("ship_by", "date"),
)  # fmt: skip
_LINE_INSERT = _insert("demand", _LINE)


def _change(columns: Columns) -> Statement:
    """``UPDATE demand``; the first column is the key. The text that a reason had before there were codes is erased."""
    return Statement(
        f"UPDATE demand SET reason = '', {assignments(columns[1:], 'new')}"
        f" FROM {unnest(columns, 'new')} WHERE demand.line_id = new.line_id",
        changes="demand",
    )


_LINE_CHANGE = tuple(column for column in _LINE if column[0] not in ("order_id", "sku"))
_LINE_UPDATE = _change(_LINE_CHANGE)
# All that a grant changes of a line; a fill changes a hundred thousand.
_GRANT = (
    ("line_id", "text"), ("granted_units", "bigint"), ("line_version", "bigint"), ("reason_code", "text"),
    ("reason_parameters", "jsonb"),
)  # fmt: skip
_GRANT_UPDATE = _change(_GRANT)


def _line_values(line: Line, queued_at: Any) -> tuple[Any, ...]:
    layers = None
    if len(line.layers) > 1:
        layers = orjson.dumps([[entry.queued_at.isoformat(), entry.quantity] for entry in line.layers]).decode()
    return (
        line.line_id, line.order_id, line.sku, line.quantity, line.cancelled, line.declined, line.undecided,
        line.granted_units, line.live_units, line.layers[0].queued_at if line.layers else queued_at, layers,
        line.version, *columns_of(line.reason), line.promise_date, line.promise_revision, line.promise_cause,
        line.unit_value, line.claim_date, line.backed, *promise_source_columns(line.promise_source),
        line.ship_by,
    )  # fmt: skip


def _lines(session: AllocationSession, touched: Sequence[tuple[Line, LineAsStored]]) -> Iterator[WriteStep]:
    new, changed, granted = [], [], []
    for line, stored in touched:
        if stored.new:
            new.append(_line_values(line, stored.joined))
        elif line.line_id in session.unwritten.reshaped:
            values = _line_values(line, stored.joined)
            changed.append((values[0], *values[3:]))
        else:
            granted.append((line.line_id, line.granted_units, line.version, *columns_of(line.reason)))
    if len(new) > COPY_FROM:
        yield Copy("demand", [name for name, _ in _LINE], new)
        new = []
    for columns, statement, rows in (
        (_LINE, _LINE_INSERT, new),
        (_LINE_CHANGE, _LINE_UPDATE, changed),
        (_GRANT, _GRANT_UPDATE, granted),
    ):
        if rows:
            yield Execute(statement, arrays(columns, rows))


_COMMITMENT = (
    ("line_id", "text"), ("location", "text"), ("sku", "text"), ("granted", "bigint"), ("shipped", "bigint"),
)  # fmt: skip
_COMMITMENT_ROWS = _insert("commitment", _COMMITMENT, or_update(_COMMITMENT, 2))
_UNCOMMITTED = Statement(
    f"DELETE FROM commitment USING {unnest(_COMMITMENT[:2], 'gone')}"
    " WHERE commitment.line_id = gone.line_id AND commitment.location = gone.location"
)


def _commitments(touched: Sequence[tuple[Line, LineAsStored]]) -> Iterator[WriteStep]:
    new, changed, gone = [], [], []
    for line, stored in touched:
        for location, granted in line.granted.items():
            shipped = line.shipped.get(location, 0)
            row = (line.line_id, location, line.sku, granted, shipped)
            if not granted:
                gone.append(row[:2])
            elif location not in stored.granted:
                new.append(row)
            elif (granted, shipped) != (stored.granted[location], stored.shipped.get(location, 0)):
                changed.append(row)
    if gone:
        # Lines without grants are read without their commitments: none may be left that a COPY would meet.
        yield Execute(_UNCOMMITTED, arrays(_COMMITMENT[:2], gone))
    if len(new) > COPY_FROM:
        yield Copy("commitment", [name for name, _ in _COMMITMENT], new)
        new = []
    if new or changed:
        yield Execute(_COMMITMENT_ROWS, arrays(_COMMITMENT, new + changed))


_ENTRY = (
    ("line_id", "text"), ("queued_at", "timestamptz"), ("sku", "text"), ("order_id", "text"), ("quantity", "bigint"),
    ("promise_date", "date"), ("tier_rank", "int"), ("needed_by", "date"), ("ship_complete", "boolean"),
    ("unit_value", "bigint"), ("claim_date", "date"), ("backed", "boolean"),
)  # fmt: skip
_ENTRY_ROWS = _insert("queue_entry", _ENTRY)
_LEAVE = Statement("DELETE FROM queue_entry USING unnest(CAST(:ids AS text[])) AS gone WHERE line_id = gone")


def _queue(session: AllocationSession, touched: Sequence[tuple[Line, LineAsStored]]) -> Iterator[WriteStep]:
    left, joined = [], []
    for line, stored in touched:
        entries, order = line.entries(), session.orders[line.order_id]
        same = line.promise == stored.promise and line.unit_value == stored.unit_value
        if tuple(entries) == stored.entries and same and not order.moved:
            continue
        if stored.entries:
            left.append(line.line_id)
        joined += [
            (line.line_id, entry.queued_at, line.sku, line.order_id, entry.quantity, line.promise_date,
             order.tier_rank, order.needed_by or NO_DATE, order.ship_complete, line.unit_value, line.claim_date,
             line.backed)
            for entry in entries
        ]  # fmt: skip
    if left:
        yield Execute(_LEAVE, {"ids": left})
    if len(joined) > COPY_FROM:
        yield Copy("queue_entry", [name for name, _ in _ENTRY], joined)
    elif joined:
        yield Execute(_ENTRY_ROWS, arrays(_ENTRY, joined))


def _counter(table: str, day: str) -> tuple[Columns, Statement, Statement]:
    """A table that counts waiting units by a day: its columns, adding to it, and dropping the days of which none are
    left."""
    columns = (("sku", "text"), (day, "date"), ("units", "bigint"), ("backed_units", "bigint"))
    adding = _insert(
        table,
        columns,
        f"ON CONFLICT (sku, {day}) DO UPDATE SET units = {table}.units + excluded.units,"
        f" backed_units = {table}.backed_units + excluded.backed_units",
    )
    dropping = Statement(
        f"DELETE FROM {table} USING {unnest(columns[:2], 'empty')}"
        f" WHERE {table}.sku = empty.sku AND {table}.{day} = empty.{day} AND units = 0",
        changes=table,
    )
    return columns, adding, dropping


_COUNTERS = {
    "promised": _counter("promised", "promise_date"),
    "claimed": _counter("claimed", "claim_date"),
}
"""By the name that ``PromiseCounters`` has for each."""


def _promises(session: AllocationSession) -> Iterator[WriteStep]:
    """Adding to both tables, then dropping of both: neighbours are written in one statement."""
    dropped = []
    for name, (columns, adding, dropping) in _COUNTERS.items():
        rows = [
            (sku, day, *units)
            for sku, counters in sorted(session.unwritten.promises.items())
            for day, units in sorted(getattr(counters, name).items())
        ]
        if rows:
            yield Execute(adding, arrays(columns, rows))
        gone = [(sku, day) for sku, day, *_ in rows if day not in getattr(session.skus[sku].counters, name)]
        if gone:
            dropped.append(Execute(dropping, arrays(columns[:2], gone)))
    yield from dropped


_DONE = Statement("DELETE FROM recheck WHERE order_id = ANY(CAST(:ids AS text[]))")
_DEFERRED_ORDER = (("order_id", "text"), ("cause", "text"), ("cause_time", "timestamptz"))
_DEFERRED_ORDERS = Statement(
    f"INSERT INTO recheck ({names(_DEFERRED_ORDER)}) SELECT {names(_DEFERRED_ORDER)}"
    f" FROM {unnest(_DEFERRED_ORDER, 'new', position=True)} ORDER BY position"
    " ON CONFLICT (order_id) DO UPDATE SET parked = false WHERE recheck.parked"
)
_DEFERRED_ORDER_SKU = (("sku", "text"), ("order_id", "text"))
_DEFERRED_ORDER_SKUS = Statement(insert("recheck_sku", _DEFERRED_ORDER_SKU, "ON CONFLICT DO NOTHING"))


def _deferred_orders(session: AllocationSession) -> Iterator[WriteStep]:
    if session.unwritten.deferred_orders_done:
        yield Execute(_DONE, {"ids": sorted(session.unwritten.deferred_orders_done)})
    new = list(session.unwritten.orders_deferred.values())
    if not new:
        return
    yield Execute(
        _DEFERRED_ORDERS, arrays(_DEFERRED_ORDER, [(one.order_id, one.cause_event, one.cause_time) for one in new])
    )
    pairs = [(sku, one.order_id) for one in new for sku in one.skus]
    yield Execute(_DEFERRED_ORDER_SKUS, arrays(_DEFERRED_ORDER_SKU, pairs))
