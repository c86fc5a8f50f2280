"""The rows of order lines and their locations: read and written many at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from order_service.application.ports import OwnedLine
from order_service.domain.lines import Line, LocationUnits, PromisedDate, Reason
from service_kit.persistence.bulk import arrays, insert, names, unnest
from service_kit.persistence.statements import Statement, together, values_together

_LINE = """
    SELECT l.*, (
        SELECT jsonb_agg(
            jsonb_build_array(s.location_id, s.allocated, s.shipped, s.recalled, s.recalled_at, s.voided)
        )
        FROM line_location s WHERE s.line_id = l.line_id
    ) AS locations
    FROM order_line l
"""

_BY_ORDER = Statement(f"{_LINE} WHERE l.order_id = ANY(CAST(:ids AS text[])) ORDER BY l.order_id, l.position")
_BY_ID = Statement(f"{_LINE} WHERE l.line_id = ANY(CAST(:ids AS text[]))")

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_id", "text"),
    ("quantity", "bigint"),
    ("unit_price", "bigint"),
    ("cancelled", "bigint"),
    ("cut_sequence", "bigint"),
    ("line_version", "bigint"),
    ("basis", "bigint"),
    ("waiting", "bigint"),
    ("declined", "bigint"),
    ("reason", "text"),
    ("reason_code", "text"),
    ("reason_parameters", "jsonb"),
    ("promise_date", "date"),
    ("promise_revision", "bigint"),
    ("promise_cause", "text"),
    ("allocated", "bigint"),
    ("shipped", "bigint"),
    ("charged", "bigint"),
    ("held", "bigint"),
    ("held_until", "timestamptz"),
    ("forfeited", "bigint"),
)

_WRITE = Statement(
    f"""
    UPDATE order_line AS l SET {", ".join(f"{name} = n.{name}" for name, _ in _COLUMNS[1:])}
    FROM {unnest(_COLUMNS, "n")} WHERE l.line_id = n.line_id
    """,
    changes="order_line",
)

_ADDED_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_id", "text"),
    ("order_id", "text"),
    ("position", "int"),
    ("sku", "text"),
    ("reference", "text"),
    ("quantity", "bigint"),
    ("unit_price", "bigint"),
    ("quoted_date", "date"),
    ("added_at", "timestamptz"),
)
_ADD = Statement(insert("order_line", _ADDED_COLUMNS), changes="order_line")

_LOCATION_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_id", "text"),
    ("location_id", "text"),
    ("allocated", "bigint"),
    ("shipped", "bigint"),
    ("recalled", "bigint"),
    ("recalled_at", "timestamptz"),
    ("voided", "bigint"),
)

_WRITE_LOCATIONS = Statement(
    f"""
    INSERT INTO line_location AS s ({names(_LOCATION_COLUMNS)})
    SELECT {names(_LOCATION_COLUMNS)} FROM {unnest(_LOCATION_COLUMNS, "n")}
    ON CONFLICT (line_id, location_id) DO UPDATE SET
        allocated = excluded.allocated, shipped = excluded.shipped,
        recalled = excluded.recalled, recalled_at = excluded.recalled_at, voided = excluded.voided
    WHERE (s.allocated, s.shipped, s.recalled, s.recalled_at, s.voided) IS DISTINCT FROM
        (excluded.allocated, excluded.shipped, excluded.recalled, excluded.recalled_at, excluded.voided)
    """,
    changes="line_location",
)


async def lines_of_orders(conn: AsyncConnection, order_ids: Collection[str]) -> dict[str, list[Line]]:
    """The lines of each order, by their position."""
    found: dict[str, list[Line]] = {order_id: [] for order_id in order_ids}
    for row in await _BY_ORDER.within(conn, {"ids": list(order_ids)}):
        found[row["order_id"]].append(_line(row))
    return found


async def lines_by_id(conn: AsyncConnection, line_ids: Collection[str]) -> dict[str, OwnedLine]:
    """Lines by id, each with its order's id; unknown ids are left out."""
    rows = await _BY_ID.within(conn, {"ids": list(line_ids)})
    return {row["line_id"]: OwnedLine(row["order_id"], _line(row)) for row in rows}


async def add_lines(conn: AsyncConnection, lines: Sequence[tuple[str, Line]]) -> None:
    """Add lines, each with the id of its order, as they were asked for; `write_lines` stores the rest of them."""
    if lines:
        rows = (
            (
                one.line_id,
                order_id,
                one.position,
                one.sku,
                one.reference,
                one.quantity,
                one.unit_price,
                one.quoted_date,
                one.added_at,
            )
            for order_id, one in lines
        )
        await _ADD.within(conn, arrays(_ADDED_COLUMNS, rows))


async def write_lines(conn: AsyncConnection, lines: Sequence[Line]) -> None:
    """Write back what can change of lines and of their locations."""
    if not lines:
        return
    figures = arrays(_COLUMNS, [_row(line) for line in lines])
    locations = [
        (line.line_id, location, at.granted, at.shipped, at.recalled, at.recalled_at, at.voided)
        for line in lines
        for location, at in sorted(line.locations.items())
    ]
    if locations:
        values = [figures, arrays(_LOCATION_COLUMNS, locations)]
        await together(_WRITE, _WRITE_LOCATIONS).within(conn, values_together(values))
    else:
        await _WRITE.within(conn, figures)


def _row(line: Line) -> tuple[Any, ...]:
    promise = line.promise
    return (
        line.line_id,
        line.quantity,
        line.unit_price,
        line.cancelled,
        line.cut_sequence,
        line.line_version,
        line.basis,
        line.waiting,
        line.declined,
        line.reason.words,
        line.reason.code,
        orjson.dumps(line.reason.parameters).decode() if line.reason.parameters else None,
        promise.date if promise else None,
        promise.revision if promise else None,
        promise.cause if promise else None,
        line.allocated,
        line.shipped,
        line.charged,
        line.held,
        line.held_until,
        line.forfeited,
    )


def _line(row: Any) -> Line:
    promised = row["promise_revision"] is not None
    return Line(
        line_id=row["line_id"],
        position=row["position"],
        sku=row["sku"],
        quantity=row["quantity"],
        reference=row["reference"],
        unit_price=row["unit_price"],
        quoted_date=row["quoted_date"],
        added_at=row["added_at"],
        cancelled=row["cancelled"],
        cut_sequence=row["cut_sequence"],
        line_version=row["line_version"],
        basis=row["basis"],
        waiting=row["waiting"],
        declined=row["declined"],
        reason=Reason(row["reason"], row["reason_code"], row["reason_parameters"] or {}),
        promise=PromisedDate(row["promise_date"], row["promise_revision"], row["promise_cause"]) if promised else None,
        locations=_locations(row["locations"]),
        charged=row["charged"],
        held=row["held"],
        held_until=row["held_until"],
        forfeited=row["forfeited"],
    )


def _locations(packed: list[list[Any]] | None) -> dict[str, LocationUnits]:
    if packed is None:
        return {}
    return {
        name: LocationUnits(granted, shipped, recalled, datetime.fromisoformat(at) if at else None, voided)
        for name, granted, shipped, recalled, at, voided in packed
    }
