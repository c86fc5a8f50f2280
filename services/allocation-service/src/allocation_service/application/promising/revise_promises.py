"""Promises that no longer fit the supply and the terms there are: found by comparing before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.integration_events import published_source
from allocation_service.application.session.ports import AllocationStore, MovedLine
from allocation_service.application.session.published_reason import Wording, published_reason
from allocation_service.application.session.session_records import Origin
from allocation_service.application.session.store_session import PART
from allocation_service.domain import protocol_rules
from allocation_service.domain.promising.learned_supply import learned_supply
from allocation_service.domain.promising.promise_dates import Outlook, lead_time_date, loses_cover
from allocation_service.domain.promising.promise_revision import LearnedDates, Revision
from allocation_service.domain.supply.sku import Sku
from event_contracts import new_event_id
from event_contracts.fast_encoding import (
    IntegrationEvent,
    integration_events,
    line_data,
    moment,
    promise_data,
)


async def revise(store: AllocationStore, session: AllocationSession) -> int:
    """Revise the promises of all SKUs whose supply, terms or claims changed so that they must be, and tell; the session
    has been written before. The number of events told."""
    told = 0
    due = await _due(store, session)
    for sku in sorted(due):
        state, (origin, gained) = session.skus[sku], due[sku]
        if state.last_now is None:
            continue
        revision = _revision(session, sku, origin, state.last_now)
        moved = [(revision, await store.revise_promises(revision, gained))] if state.waiting_units else []
        release = state.release_date()
        if release is not None and release != session.supply_before[sku].release_date:
            second = revision._replace(decision_id=new_event_id())
            moved.append((second, await store.move_allocated(second, max(release, state.last_now.date()))))
        await store.lock_orders(protocol_rules.lock_order(line.order_id for _, lines in moved for line in lines))
        for decided, lines in moved:
            for events in revised_events(lines, decided, origin, session.wording):
                await store.publish(events)
                told += len(events)
    return told


class _Due(NamedTuple):
    """What brought a revision about; ``gained``: see ``promise_revision.revise``."""

    origin: Origin
    gained: int | None = None


async def _due(store: AllocationStore, session: AllocationSession) -> dict[str, _Due]:
    """The SKUs of this transaction whose promises are not what they should be by now: known supply no longer covers
    what it backs, or it would cover more, or a term that bounds promises changed."""
    found = {sku: _Due(origin) for sku, origin in session.revisions_due.items()}
    uncommitted: dict[str, int] = {}
    for sku, origin in session.origins.items():
        state = session.skus.get(sku)
        if state is None or state.last_now is None:
            continue
        if _terms_changed(session, sku):
            found[sku] = _Due(origin)
        if not state.waiting_units or sku in found:
            continue
        before = session.outlook_before(sku, state.last_now)
        after = Outlook(state.expected(state.last_now, session.grace_days), state.counters.promised_backed())
        backed_units = state.counters.backed_units
        if loses_cover(before, after, state.last_now.date()):
            found[sku] = _Due(origin)
        elif (left := sum([one.units for one in after.expected]) - backed_units) > 0 and (
            state.waiting_units > backed_units
        ):
            uncommitted[sku] = left
    if uncommitted:
        # Units are covered in the order of their claims: what is left may be too little for the first.
        for sku, units in (await store.first_unbacked(uncommitted)).items():
            if units <= uncommitted[sku]:
                found[sku] = _Due(session.origins[sku], uncommitted[sku])
    return found


def _terms_changed(session: AllocationSession, sku: str) -> bool:
    state, before = session.skus[sku], session.supply_before[sku]
    return (state.reorder_days, state.release_date()) != (before.reorder_days, before.release_date)


def _revision(session: AllocationSession, sku: str, origin: Origin, now: datetime) -> Revision:
    state, days_before = session.skus[sku], session.supply_before[sku].reorder_days
    return Revision(
        sku,
        state.expected(now, session.grace_days),
        now,
        state.reorder_days,
        state.release_date(),
        origin.name,
        new_event_id(),
        origin.event_id,
        max(0, state.reorder_days - days_before) if days_before else 0,
        lead_time_gone=bool(days_before and not state.reorder_days),
        learned=_learned(state, now),
        handling=state.handling(),
    )


def _learned(state: Sku, now: datetime) -> LearnedDates | None:
    if state.reliance is None:
        return None
    today, reliance = now.date(), state.reliance
    supply = learned_supply(state.open_stock, state.announced(), today, reliance)
    fallback = lead_time_date(supply.safe, {}, today, state.reorder_days)
    by_lead_time = state.source_of(fallback, now, backed=False) if fallback else None
    return LearnedDates(
        supply.median, supply.sources, by_lead_time, state.lead_time_days, reliance.target, reliance.table.version
    )


def revised_events(
    moved: Sequence[MovedLine], revision: Revision, origin: Origin, wording: Wording
) -> Iterator[list[IntegrationEvent]]:
    """One event for each order whose promises moved, in parts."""
    orders: dict[str, list[MovedLine]] = {}
    for line in sorted(moved, key=lambda one: (one.order_id, one.line_id)):
        orders.setdefault(line.order_id, []).append(line)
    made_at = moment(datetime.now(UTC))
    part: list[IntegrationEvent] = []
    for order_id, lines in orders.items():
        part += integration_events(
            "PromiseRevised",
            order_id=order_id,
            basis=lines[0].basis,
            decision_id=revision.decision_id,
            decided_at=revision.now,
            lines=[_line(line, revision.cause, wording) for line in lines],
            correlation_id=lines[0].correlation_id,
            causation_id=origin.event_id,
            traceparent=origin.traceparent,
            made_at=made_at,
        )
        if len(part) >= PART:
            yield part
            part = []
    if part:
        yield part


def _line(line: MovedLine, cause: str, wording: Wording) -> dict[str, Any]:
    return line_data(
        line_id=line.line_id,
        sku=line.sku,
        version=line.line_version,
        granted=line.allocated,
        waiting=line.waiting,
        declined=line.declined,
        reason=published_reason(line.reason, wording),
        promise=promise_data(
            line.promise_date,
            line.promise_revision,
            cause,
            published_source(line.promise_source),
            ship_by=line.ship_by,
        ),
    )
