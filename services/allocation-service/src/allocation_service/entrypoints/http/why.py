"""Why a line waits, or got what it got."""

from __future__ import annotations

import datetime as dt
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from pydantic import Field

from allocation_service.application.decisions.decision_records import DecisionAboutLine, QueueEntry
from allocation_service.application.decisions.explain_line import (
    SHOWN_DECISIONS,
    ExplainLine,
    LineExplanation,
    explain_line,
)
from allocation_service.domain.decisions.queue_position import Ahead, Quantities, Receipt
from allocation_service.domain.lateness.basis import Basis
from allocation_service.entrypoints.http.dependencies import Application, BusinessNow, DecisionReader
from allocation_service.entrypoints.http.language import Language
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.line_words import LineSituation, fact_in_words, obstacle, receipt_in_words, summary
from allocation_service.wording.reason_words import outcome_of, words_of
from service_kit.commands.execute import read
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel

router = APIRouter(tags=["Decisions"])


class LineState(ResponseModel):
    """The units of a line: quantity = allocated + waiting + shipped + declined + cancelled."""

    quantity: int
    allocated: int = Field(description="Granted and not yet shipped")
    waiting: int = Field(description="All that wait, those not decided about yet too")
    undecided: int = Field(description="Of those that wait, units that do not stand in the queue yet")
    shipped: int
    declined: int
    cancelled: int


class PlaceView(ResponseModel):
    """A place in the queue; a line that was amended up stands in more than one."""

    quantity: int
    queued_at: datetime
    place: int = Field(description="1 is served next")
    lines_ahead: int
    units_ahead: int


class ReceiptView(ResponseModel):
    """A delivery that will serve the line."""

    expected_on: date = Field(description="The day that is counted on")
    announced_for: date = Field(description="The day that the supplier named")
    quantity: int = Field(description="Units of it that this line will have")
    purchase_order_line_id: str
    supplier_id: str
    location_id: str
    words: str


class HeldView(ResponseModel):
    """Free units that are kept for better tiers."""

    quantity: int
    for_tier: str = Field(description="The tier just above, and those above it")
    until: date | None


class OtherLine(ResponseModel):
    """Another waiting line of an order that ships complete."""

    line_id: str
    sku: str
    quantity: int
    promise_date: date | None


class WaitsFor(ResponseModel):
    """What stands between the line and its units."""

    words: str | None = Field(description="What keeps it from the stock there is; null: nothing but its turn")
    held_back: HeldView | None
    stock: int = Field(description="Units that are there, for which it still has to wait")
    receipts: list[ReceiptView] = Field(description="By the promise calculation: units promised first are served first")
    uncovered: int = Field(description="Units that no announced receipt reaches")
    other_lines: list[OtherLine] = Field(description="Lines that must come too, where the order ships complete")


class FactView(ResponseModel):
    """Something that decided about the place in the queue, the most important first."""

    name: str
    value: str | int | float
    words: str


class PolicyUsed(ResponseModel):
    """The policy that the queue follows now."""

    name: str
    version: int
    sort: str
    share: str
    protect_promises: bool
    placed_by: list[FactView] = Field(description="Empty where nothing waits")


class PromisedPart(ResponseModel):
    """Units, and when they can be counted on."""

    date: dt.date
    quantity: int


class PromiseNow(ResponseModel):
    """The date that was promised for the units that wait."""

    promise_date: date | None
    revision: int
    cause: str = Field(
        description="What brought the date about: the type of an event, or where no event did, what allocation was"
        " doing, such as Recheck (a deferred order was decided), Run or Lent"
    )
    backed: bool = Field(
        description="Known supply (free stock and announced deliveries) covers the units; or else the date rests on the"
        " lead time"
    )
    basis: Basis | None = Field(description="What the date rests on; null where dates are taken as announced")
    source: str | None = Field(
        description="The supplier of the last delivery that the date needed when it was named or, by the lead time, the"
        " SKU"
    )
    confidence_percent: int | None = Field(
        description="As it is now: a lower bound of the probability that the units are there by the date"
    )
    ship_by: date | None = Field(
        description="By when the units leave, handling included, as it was when the date was named; null where no"
        " location stated how long handling takes"
    )
    table_version: int | None = Field(description="The table of lateness that the date was named by")
    parts: list[PromisedPart] = Field(
        description="The units that known supply reaches, by the day that they can be counted on"
    )
    latest_acceptable_date: date | None = Field(description="Of the order; null: any date is acceptable")
    acceptable: bool = Field(description="The promise is no later than that; if not, nothing is declined by itself")


class DecisionAbout(ResponseModel):
    """What one decision did about the line, or about one place of it."""

    decision_id: str
    decided_at: datetime = Field(description="Business time")
    cause: str = Field(description="Id of the event that brought it about")
    cause_type: str
    rank: int = Field(description="Place among those it was about")
    quantity: int
    granted: int = Field(description="Negative where units were taken back")
    reason: str
    words: str
    policy_name: str | None = Field(description="Null where no policy was asked, as for a release")
    policy_version: int | None


class WhyView(ResponseModel):
    """Why the line waits, or got what it got."""

    line_id: str
    order_id: str
    reference: str = Field(description="The caller's own name of the order")
    sku: str
    as_of: datetime
    summary: str = Field(description="The answer in one line")
    reason: str = Field(description="The reason of the last decision in a few words")
    state: LineState
    queue: list[PlaceView]
    promise: PromiseNow | None
    waits_for: WaitsFor | None = Field(description="Null where nothing waits")
    policy: PolicyUsed
    decisions: list[DecisionAbout] = Field(description=f"Newest first, at most {SHOWN_DECISIONS}")
    decisions_url: str = Field(description="All decisions about the line")


@router.get("/v1/demands/{line_id}/why", name="explain_demand", summary="Why a line waits or got what it got")
async def explain_demand(
    *,
    principal: DecisionReader,
    language: Language,
    line_id: Annotated[Name, Path(description="The order line")],
    application: Application,
    now: BusinessNow,
) -> WhyView:
    query = ExplainLine(line_id, now, application.options.grace_days, application.options.tiers)
    return _why(await read(application.units, explain_line, query), language)


def _why(found: LineExplanation, catalogue: Catalogue) -> WhyView:
    line, policy = found.line, found.sku.policy
    return WhyView(
        line_id=line.line_id,
        order_id=line.order_id,
        reference=line.reference,
        sku=line.sku,
        as_of=found.now,
        summary=summary(_situation(found), catalogue),
        reason=words_of(found.reason, catalogue),
        state=_state(found.quantities),
        queue=[_place(place, ahead) for place, ahead in found.places],
        promise=_promise(found),
        waits_for=_waits_for(found, catalogue) if found.places else None,
        policy=PolicyUsed(
            name=policy.name,
            version=policy.version,
            sort=policy.sort.value,
            share=policy.share.value,
            protect_promises=policy.protect_promises,
            placed_by=[
                FactView(name=one.name, value=one.value, words=fact_in_words(one, catalogue)) for one in found.facts
            ],
        ),
        decisions=[_decision(one, catalogue) for one in found.decided],
        decisions_url=f"/v1/decisions?{urlencode({'line_id': line.line_id})}",
    )


def _situation(found: LineExplanation) -> LineSituation:
    """What is known, as words are made of it."""
    quantities, blocked = found.quantities, found.barrier
    return LineSituation(
        found.now.date(),
        quantities,
        found.line.reason if quantities.declined and not found.places else found.reason,
        found.places[0][1] if found.places else None,
        found.cover,
        found.line.promise_date,
        blocked.reason if blocked else None,
        blocked.held if blocked else None,
        found.line.ship_complete,
        found.missing,
    )


def _promise(found: LineExplanation) -> PromiseNow | None:
    line = found.line
    if not found.places or not line.promise_revision:
        return None
    told, latest = line.promise_date, line.latest_acceptable
    return PromiseNow(
        promise_date=told,
        revision=line.promise_revision,
        cause=line.promise_cause,
        backed=line.backed,
        basis=Basis(line.promise_basis) if line.promise_basis else None,
        source=line.promise_source or None,
        confidence_percent=found.confidence,
        ship_by=line.ship_by,
        table_version=line.promise_table,
        parts=[PromisedPart(date=day, quantity=units) for day, units in found.parts],
        latest_acceptable_date=latest,
        acceptable=latest is None or (told is not None and told <= latest),
    )


def _waits_for(found: LineExplanation, catalogue: Catalogue) -> WaitsFor:
    today, blocked = found.now.date(), found.barrier
    held = blocked.held if blocked else None
    return WaitsFor(
        words=obstacle(
            blocked.reason if blocked else None,
            today,
            catalogue,
            ships_complete=found.line.ship_complete,
            missing=len(found.missing),
        ),
        held_back=HeldView(quantity=held.units, for_tier=held.tiers.tier, until=held.until) if held else None,
        stock=found.cover.stock,
        receipts=[_receipt(one, today, catalogue) for one in found.cover.receipts],
        uncovered=found.cover.uncovered,
        other_lines=[
            OtherLine(line_id=one.line_id, sku=one.sku, quantity=one.units, promise_date=one.promise_date)
            for one in found.missing
        ],
    )


def _state(now: Quantities) -> LineState:
    return LineState(
        quantity=now.quantity,
        allocated=now.allocated,
        waiting=now.queued + now.undecided,
        undecided=now.undecided,
        shipped=now.shipped,
        declined=now.declined,
        cancelled=now.cancelled,
    )


def _place(place: QueueEntry, ahead: Ahead) -> PlaceView:
    return PlaceView(
        quantity=place.quantity,
        queued_at=place.queued_at,
        place=ahead.lines + 1,
        lines_ahead=ahead.lines,
        units_ahead=ahead.units,
    )


def _receipt(one: Receipt, today: date, catalogue: Catalogue) -> ReceiptView:
    return ReceiptView(
        expected_on=one.day,
        announced_for=one.announced,
        quantity=one.units,
        purchase_order_line_id=one.po_line,
        supplier_id=one.supplier,
        location_id=one.location,
        words=receipt_in_words(one, today, catalogue),
    )


def _decision(row: DecisionAboutLine, catalogue: Catalogue) -> DecisionAbout:
    return DecisionAbout(
        decision_id=row.decision_id,
        decided_at=row.decided_at,
        cause=row.cause,
        cause_type=row.cause_type,
        rank=row.rank,
        quantity=row.quantity,
        granted=row.granted,
        reason=words_of(row.reason, catalogue),
        words=outcome_of(row.reason, row.quantity, row.granted, row.decided_at.date(), catalogue),
        policy_name=row.policy_name,
        policy_version=row.policy_version,
    )
