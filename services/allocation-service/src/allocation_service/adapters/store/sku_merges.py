"""Giving all that belongs to some SKUs to another one, whose name they have from then on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.session.ports import FoundSkus
from service_kit.persistence.statements import Statement

_FIND = Statement(
    """
    SELECT DISTINCT sku, CAST(NULL AS text) AS now FROM demand WHERE order_id = ANY(CAST(:order_ids AS text[]))
    UNION ALL
    SELECT sku, merged_into FROM sku WHERE sku = ANY(CAST(:names AS text[])) AND merged_into IS NOT NULL
    """
)

_OF_THEM = "sku = ANY(CAST(:names AS text[]))"


def _summed(table: str, key: str, **columns: str) -> tuple[str, str]:
    """Rows of which the other SKU may have its own with the same key: the units of both are added up."""
    names = ", ".join(columns)
    sums = ", ".join(columns.values())
    both = ", ".join(f"{name} = own.{name} + excluded.{name}" for name in columns)
    return (
        f"INSERT INTO {table} AS own (sku, {key}, {names}) SELECT CAST(:sku AS text), {key}, {sums} FROM {table}"
        f" WHERE {_OF_THEM} GROUP BY {key} ON CONFLICT (sku, {key}) DO UPDATE SET {both}",
        f"DELETE FROM {table} WHERE {_OF_THEM}",
    )


_TWO_SUMS = {"units": "sum(units)", "backed_units": "sum(backed_units)"}

_MERGE = [
    Statement(statement)
    for statement in (
        # What is on hand follows from the event, which says it of every location.
        """
        INSERT INTO stock_level AS own (sku, location, on_hand, shipped, version, priority, granted, active)
        SELECT CAST(:sku AS text), location, 0, 0, -1, min(priority), sum(granted), bool_and(active) FROM stock_level
        WHERE sku = ANY(CAST(:names AS text[])) GROUP BY location
        ON CONFLICT (sku, location) DO UPDATE SET granted = own.granted + excluded.granted
        """,
        f"DELETE FROM stock_level WHERE {_OF_THEM}",
        f"""
        UPDATE inbound SET sku = CAST(:sku AS text),
               remaining = CASE WHEN po_line = ANY(CAST(:open_lines AS text[])) THEN remaining ELSE 0 END
        WHERE {_OF_THEM}
        """,
        *_summed("promised", "promise_date", **_TWO_SUMS),
        *_summed("claimed", "claim_date", **_TWO_SUMS),
        *_summed("demand_day", "day, tier_rank", units="sum(units)"),
        *_summed("quota_use", "field, name", units="sum(units)"),
        f"INSERT INTO recheck_sku (sku, order_id) SELECT DISTINCT CAST(:sku AS text), order_id FROM recheck_sku"
        f" WHERE {_OF_THEM} ON CONFLICT DO NOTHING",
        f"DELETE FROM recheck_sku WHERE {_OF_THEM}",
        *(
            f"UPDATE {table} SET sku = CAST(:sku AS text) WHERE {_OF_THEM}"
            for table in ("demand", "commitment", "queue_entry", "loan")
        ),
        f"""
        UPDATE sku AS own SET waiting_units = own.waiting_units + gone.waiting_units,
               open_loans = own.open_loans + gone.open_loans, top_value = greatest(own.top_value, gone.top_value),
               last_now = greatest(own.last_now, gone.last_now)
        FROM (
            SELECT sum(waiting_units) AS waiting_units, sum(open_loans) AS open_loans, max(top_value) AS top_value,
                   max(last_now) AS last_now
            FROM sku WHERE {_OF_THEM}
        ) AS gone
        WHERE own.sku = CAST(:sku AS text)
        """,
        f"""
        UPDATE sku SET merged_into = CAST(:sku AS text), mode = 'discontinued', waiting_units = 0, open_loans = 0
        WHERE {_OF_THEM} OR merged_into = ANY(CAST(:names AS text[]))
        """,
    )
]


async def find_skus(conn: AsyncConnection, order_ids: Collection[str], names: Collection[str]) -> FoundSkus:
    """See AllocationStore."""
    found = FoundSkus(set(), {})
    for sku, now in await _FIND.within(conn, {"order_ids": list(order_ids), "names": list(names)}):
        if now is None:
            found.known.add(sku)
        else:
            found.renamed[sku] = now
    return found


async def merge_skus(conn: AsyncConnection, sku: str, merged: Sequence[str], open_lines: Collection[str]) -> None:
    """See AllocationStore."""
    for statement in _MERGE:
        await statement.within(conn, {"sku": sku, "names": list(merged), "open_lines": list(open_lines)})
