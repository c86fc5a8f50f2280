"""Why a line waits, or got what it got."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.store.reason_columns import reason_of
from allocation_service.adapters.store.session_reads import peek_skus
from allocation_service.adapters.views import queue_positions
from allocation_service.application.decisions.queue_barrier import Barrier, barrier
from allocation_service.domain.decisions.placing_facts import Fact, placing_facts
from allocation_service.domain.decisions.queue_position import (
    Ahead,
    Cover,
    Missing,
    Quantities,
    Receipt,
    cover,
)
from allocation_service.domain.decisions.reasons import Reason
from allocation_service.domain.policies.policy import NO_DATE, Demand, Moment
from allocation_service.domain.supply.sku import Sku
from allocation_service.entrypoints.http.language import Language
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.line_words import LineSituation, fact_in_words, obstacle, receipt_in_words, summary
from allocation_service.wording.reason_words import outcome_of, words_of
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel
from service_kit.http.problems import not_found
from service_kit.persistence.database import Database

_SHOWN = 20
"""Decisions told with a line; the rest is found in the list of decisions."""


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


class PromiseNow(ResponseModel):
    """The date that was promised for the units that wait."""

    promise_date: date | None
    revision: int
    cause: str = Field(description="The type of event that brought the date about")


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
    decisions: list[DecisionAbout] = Field(description=f"Newest first, at most {_SHOWN}")
    decisions_url: str = Field(description="All decisions about the line")


def _quantities(row: Any) -> Quantities:
    waiting = row.live_units - row.granted_units
    return Quantities(
        row.quantity,
        row.granted_units - row.shipped,
        waiting - row.undecided,
        row.undecided,
        row.shipped,
        row.declined,
        row.cancelled,
    )


def _demand(row: Any, place: Any, units: int) -> Demand:
    return Demand(
        row.line_id,
        row.order_id,
        row.sku,
        units,
        place.queued_at,
        row.tier_rank,
        row.needed_by or NO_DATE,
        row.promise_date,
        row.preference,
        row.ship_complete,
        tier=row.tier,
        customer_id=row.customer_id,
        channel=row.channel,
        region=row.region,
        unit_value=row.unit_value,
        placed_at=row.placed_at,
        bypassed=row.bypassed,
    )


class _Line:
    """One line as it stands at a moment, gathered from the database."""

    def __init__(self, row: Any, sku: Sku, now: datetime, grace_days: int, tier_names: Sequence[str]) -> None:
        self.row, self.sku, self.now, self.grace_days, self.tier_names = row, sku, now, grace_days, tier_names
        self.quantities = _quantities(row)
        self.places: list[tuple[Any, Ahead]] = []
        self.cover = Cover()
        self.barrier: Barrier | None = None
        self.facts: Sequence[Fact] = ()
        self.missing: tuple[Missing, ...] = ()
        self.decided: Sequence[Any] = ()

    @property
    def moment(self) -> Moment:
        return self.sku.moment(self.now, self.grace_days)

    async def read(self, conn: AsyncConnection) -> None:
        """Everything beside the line's own row."""
        row = self.row
        self.decided = await queue_positions.decided(conn, row.line_id, _SHOWN)
        places = await queue_positions.places(conn, row.line_id)
        if not places:
            return
        self.places = [(place, await queue_positions.ahead(conn, place, self.sku, self.moment)) for place in places]
        claims = [await queue_positions.promised_before(conn, place, self.sku) for place in places]
        self.cover = cover(claims, self.sku.open_stock, self.sku.inbound.values(), self.now, self.grace_days)
        demand = _demand(row, places[0], self.quantities.queued)
        self.barrier = barrier(self.sku, demand, self.now, self.grace_days)
        self.facts = placing_facts(demand, self.sku.policy, self.moment, self.tier_names)
        if row.ship_complete:
            found = await queue_positions.beside(conn, row.order_id, row.line_id)
            self.missing = tuple(Missing(one.line_id, one.sku, one.units, one.promise_date) for one in found)

    @property
    def reason(self) -> Reason | None:
        """Of the last decision about it, which may have left the line as it was."""
        return _reason(self.decided[0] if self.decided else self.row)

    def situation(self) -> LineSituation:
        """What is known, as words are made of it."""
        return LineSituation(
            self.now.date(),
            self.quantities,
            _reason(self.row) if self.quantities.declined and not self.places else self.reason,
            self.places[0][1] if self.places else None,
            self.cover,
            self.row.promise_date,
            self.barrier.reason if self.barrier else None,
            self.barrier.held if self.barrier else None,
            self.row.ship_complete,
            self.missing,
        )

    def view(self, catalogue: Catalogue) -> WhyView:
        """The answer, in a language."""
        row, policy = self.row, self.sku.policy
        return WhyView(
            line_id=row.line_id,
            order_id=row.order_id,
            reference=row.reference,
            sku=row.sku,
            as_of=self.now,
            summary=summary(self.situation(), catalogue),
            reason=words_of(self.reason, catalogue),
            state=_state(self.quantities),
            queue=[_place(place, ahead) for place, ahead in self.places],
            promise=self._promise(),
            waits_for=self._waits_for(catalogue) if self.places else None,
            policy=PolicyUsed(
                name=policy.name,
                version=policy.version,
                sort=policy.sort.value,
                share=policy.share.value,
                protect_promises=policy.protect_promises,
                placed_by=[
                    FactView(name=one.name, value=one.value, words=fact_in_words(one, catalogue)) for one in self.facts
                ],
            ),
            decisions=[_decision(one, catalogue) for one in self.decided],
            decisions_url=f"/v1/decisions?{urlencode({'line_id': row.line_id})}",
        )

    def _promise(self) -> PromiseNow | None:
        row = self.row
        if not self.places or not row.promise_revision:
            return None
        return PromiseNow(promise_date=row.promise_date, revision=row.promise_revision, cause=row.promise_cause)

    def _waits_for(self, catalogue: Catalogue) -> WaitsFor:
        today, found = self.now.date(), self.barrier
        held = found.held if found else None
        return WaitsFor(
            words=obstacle(
                found.reason if found else None,
                today,
                catalogue,
                ships_complete=self.row.ship_complete,
                missing=len(self.missing),
            ),
            held_back=HeldView(quantity=held.units, for_tier=held.tiers.tier, until=held.until) if held else None,
            stock=self.cover.stock,
            receipts=[_receipt(one, today, catalogue) for one in self.cover.receipts],
            uncovered=self.cover.uncovered,
            other_lines=[
                OtherLine(line_id=one.line_id, sku=one.sku, quantity=one.units, promise_date=one.promise_date)
                for one in self.missing
            ],
        )


def _reason(row: Any) -> Reason | None:
    return reason_of(row.reason, row.reason_code, row.reason_parameters)


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


def _place(place: Any, ahead: Ahead) -> PlaceView:
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


def _decision(row: Any, catalogue: Catalogue) -> DecisionAbout:
    reason = _reason(row)
    return DecisionAbout(
        decision_id=row.decision_id,
        decided_at=row.decided_at,
        cause=row.cause,
        cause_type=row.cause_type,
        rank=row.rank,
        quantity=row.quantity,
        granted=row.granted,
        reason=words_of(reason, catalogue),
        words=outcome_of(reason, row.quantity, row.granted, row.decided_at.date(), catalogue),
        policy_name=row.policy_name,
        policy_version=row.policy_version,
    )


def router(
    database: Database, now: Callable[[], Awaitable[datetime]], grace_days: int, tier_names: Sequence[str]
) -> APIRouter:
    """The routes of explanations."""
    api = APIRouter(tags=["Decisions"])

    @api.get("/v1/demands/{line_id}/why", name="explain_demand", summary="Why a line waits or got what it got")
    async def explain_demand(
        *,
        principal: Annotated[Principal, require("decisions:read")],
        language: Language,
        line_id: Annotated[Name, Path(description="The order line")],
    ) -> WhyView:
        at = await now()
        async with database.reading() as conn:
            row = await queue_positions.line(conn, line_id)
            if row is None:
                raise not_found("demand")
            skus = await peek_skus(conn, [row.sku], at)
            line = _Line(row, skus.get(row.sku) or Sku(row.sku), at, grace_days, tier_names)
            await line.read(conn)
        return line.view(language)

    return api
