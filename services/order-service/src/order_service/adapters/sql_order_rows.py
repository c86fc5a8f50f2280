"""The rows of orders: their columns, and how an aggregate becomes a row and a row an aggregate."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import RowMapping

from order_service.domain.lines import Line
from order_service.domain.order import Order, Terms

ORDER_COLUMNS: tuple[tuple[str, str], ...] = (
    ("order_id", "text"),
    ("reference", "text"),
    ("customer_id", "text"),
    ("contact_id", "text"),
    ("tier", "text"),
    ("channel", "text"),
    ("country", "text"),
    ("region", "text"),
    ("jurisdiction", "text"),
    ("time_zone", "text"),
    ("time_essential", "boolean"),
    ("completed_at", "timestamptz"),
    ("currency", "text"),
    ("charge_at", "text"),
    ("deposit_percent", "int"),
    ("needed_by", "date"),
    ("latest_acceptable_date", "date"),
    ("ship_complete", "boolean"),
    ("location_preference", "text"),
    ("payment_provider", "text"),
    ("metadata", "jsonb"),
    ("placed_at", "timestamptz"),
    ("changed_at", "timestamptz"),
    ("sequence", "bigint"),
    ("version", "bigint"),
    ("answered", "bigint"),
    ("state", "text"),
    ("complete", "boolean"),
)


def order_row(order: Order) -> tuple[Any, ...]:
    """The values of ORDER_COLUMNS."""
    terms, totals = order.terms, order.totals
    return (
        order.order_id,
        terms.reference,
        terms.customer_id,
        terms.contact_id,
        terms.tier,
        terms.channel,
        terms.country,
        terms.region,
        terms.jurisdiction,
        terms.time_zone,
        terms.time_essential,
        order.completed_at,
        terms.currency,
        terms.charge_at,
        terms.deposit_percent,
        terms.needed_by,
        terms.latest_acceptable_date,
        terms.ship_complete,
        terms.location_preference,
        terms.payment_provider,
        orjson.dumps(terms.metadata).decode(),
        order.placed_at,
        order.changed_at,
        order.sequence,
        order.version,
        order.answered,
        totals.state.value,
        totals.complete,
    )


def order_of(row: RowMapping, lines: list[Line]) -> Order:
    """The aggregate of a row and its lines, without its shipments."""
    terms = Terms(
        reference=row["reference"],
        customer_id=row["customer_id"],
        contact_id=row["contact_id"],
        tier=row["tier"],
        channel=row["channel"],
        country=row["country"],
        region=row["region"],
        jurisdiction=row["jurisdiction"],
        time_zone=row["time_zone"],
        time_essential=row["time_essential"],
        currency=row["currency"],
        charge_at=row["charge_at"],
        deposit_percent=row["deposit_percent"],
        needed_by=row["needed_by"],
        latest_acceptable_date=row["latest_acceptable_date"],
        ship_complete=row["ship_complete"],
        location_preference=row["location_preference"],
        payment_provider=row["payment_provider"],
        metadata=row["metadata"],
    )
    return Order(
        order_id=row["order_id"],
        terms=terms,
        placed_at=row["placed_at"],
        changed_at=row["changed_at"],
        lines={line.line_id: line for line in lines},
        sequence=row["sequence"],
        version=row["version"],
        completed_at=row["completed_at"],
    )
