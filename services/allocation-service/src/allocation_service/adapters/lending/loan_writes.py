"""Storing loans, and what was announced and what came of purchase-order lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

from allocation_service.adapters.store.write_plan import Execute, WriteStep
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.supply.sku import Announced, Arrived
from service_kit.persistence.bulk import Columns, arrays, assignments, insert, unnest
from service_kit.persistence.statements import Statement

_TYPES = {
    "units": "bigint", "repay_by": "date", "needed_on": "date", "chance": "float8", "observations": "int",
    "lent_at": "timestamptz", "repaid_units": "bigint", "void_units": "bigint", "breached": "boolean",
    "repaid_at": "timestamptz", "closed_at": "timestamptz",
}  # fmt: skip
"""Of the columns that are not text."""
LOAN_NAMES = tuple(one.name for one in fields(KeptLoan) if one.name not in ("new", "changed"))
"""Columns of a loan, in the order of its fields."""
_CHANGING = ("loan_id", "breached", "repaid_units", "void_units", "repaid_at", "closed_at")


def _columns(names: Iterable[str]) -> Columns:
    return [(name, _TYPES.get(name, "text")) for name in names]


_LOAN_COLUMNS, _CHANGING_COLUMNS = _columns(LOAN_NAMES), _columns(_CHANGING)
_loan_values, _changing_values = attrgetter(*LOAN_NAMES), attrgetter(*_CHANGING)
_INSERT = Statement(insert("loan", _LOAN_COLUMNS))
# A sweeper may have found a loan breached meanwhile: that stays.
_UPDATE = Statement(
    f"UPDATE loan SET {assignments(_CHANGING_COLUMNS[2:], 'row')}, breached = loan.breached OR row.breached"
    f" FROM {unnest(_CHANGING_COLUMNS, 'row')} WHERE loan.loan_id = row.loan_id"
)
_OPEN = Statement(
    "UPDATE sku SET open_loans = row.loans"
    " FROM unnest(CAST(:skus AS text[]), CAST(:loans AS int[])) AS row (sku, loans) WHERE sku.sku = row.sku"
)


def steps_of(session: AllocationSession) -> Iterator[WriteStep]:
    """Store the loans that changed and the deliveries that were heard of."""
    yield from _deliveries(session)
    changed = [loan for loans in session.loans.values() for loan in loans if loan.new or loan.changed]
    if not changed:
        return
    new, old = [one for one in changed if one.new], [one for one in changed if not one.new]
    if new:
        yield Execute(_INSERT, arrays(_LOAN_COLUMNS, map(_loan_values, new)))
    if old:
        yield Execute(_UPDATE, arrays(_CHANGING_COLUMNS, map(_changing_values, old)))
    skus = sorted({one.sku for one in changed})
    yield Execute(_OPEN, {"skus": skus, "loans": [session.skus[sku].open_loans for sku in skus]})


# What stood so far stands no longer, unless the same date was announced again.
_SUPERSEDE = Statement(
    """
    UPDATE inbound_lateness AS l SET lead_to = l.eta - row.on_day + 1
    FROM unnest(CAST(:po_lines AS text[]), CAST(:etas AS date[]), CAST(:days AS date[])) AS row (po_line, eta, on_day)
    WHERE l.po_line = row.po_line AND l.observed_at IS NULL AND l.lead_to IS NULL AND l.eta <> row.eta
    """
)
_ANNOUNCE = Statement(
    """
    INSERT INTO inbound_lateness (po_line, supplier, eta, lead_from, arrived_on)
    SELECT row.po_line, row.supplier, row.eta, row.eta - row.on_day,
           (SELECT max(arrived_on) FROM inbound_lateness AS l WHERE l.po_line = row.po_line AND l.observed_at IS NULL)
    FROM unnest(CAST(:po_lines AS text[]), CAST(:suppliers AS text[]), CAST(:etas AS date[]), CAST(:days AS date[]))
         AS row (po_line, supplier, eta, on_day)
    WHERE NOT EXISTS (SELECT FROM inbound_lateness AS l
                      WHERE l.po_line = row.po_line AND l.observed_at IS NULL AND l.lead_to IS NULL)
    """
)
_ARRIVE = Statement(
    """
    UPDATE inbound_lateness AS l SET arrived_on = row.on_day
    FROM unnest(CAST(:po_lines AS text[]), CAST(:days AS date[])) AS row (po_line, on_day)
    WHERE l.po_line = row.po_line AND l.observed_at IS NULL
    """
)
_CLOSE = Statement(
    """
    UPDATE inbound_lateness AS l
    SET observed_at = row.on_day, lead_to = coalesce(l.lead_to, least(l.lead_from, l.eta - row.on_day)),
        ordered = row.ordered, received = row.received
    FROM unnest(CAST(:po_lines AS text[]), CAST(:days AS date[]), CAST(:ordered AS bigint[]),
                CAST(:received AS bigint[])) AS row (po_line, on_day, ordered, received)
    WHERE l.po_line = row.po_line AND l.observed_at IS NULL
    """
)


def _deliveries(session: AllocationSession) -> Iterator[WriteStep]:
    """News of purchase-order lines in the order they came: the first of each line, then the second, and so on."""
    news: dict[str, list[Announced | Arrived]] = {}
    for name in sorted(session.unwritten.skus):
        for one in session.skus[name].deliveries:
            news.setdefault(one.po_line, []).append(one)
    for number in range(max((len(one) for one in news.values()), default=0)):
        yield from _round([one[number] for one in news.values() if len(one) > number])


def _round(news: list[Announced | Arrived]) -> Iterator[WriteStep]:
    """At most one piece of news of each line."""
    announced = [one for one in news if isinstance(one, Announced) and one.remaining]
    arrived = [one for one in news if isinstance(one, Arrived)]
    closed = [one for one in news if not one.remaining]
    if announced:
        lines, days = _lines_and_days(announced)
        etas = [one.eta for one in announced]
        yield Execute(_SUPERSEDE, {"po_lines": lines, "etas": etas, "days": days})
        suppliers = [one.supplier for one in announced]
        yield Execute(_ANNOUNCE, {"po_lines": lines, "suppliers": suppliers, "etas": etas, "days": days})
    if arrived:
        lines, days = _lines_and_days(arrived)
        yield Execute(_ARRIVE, {"po_lines": lines, "days": days})
    if closed:
        lines, days = _lines_and_days(closed)
        units = {"ordered": [one.ordered for one in closed], "received": [one.received for one in closed]}
        yield Execute(_CLOSE, {"po_lines": lines, "days": days, **units})


def _lines_and_days(news: Iterable[Announced | Arrived]) -> tuple[list[Any], list[Any]]:
    found = list(news)
    return [one.po_line for one in found], [one.on for one in found]
