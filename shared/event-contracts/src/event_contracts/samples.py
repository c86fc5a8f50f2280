"""One full example of every event: fixed ids and times, every field filled, a story that fits together.

They become the golden files that readers in other languages test themselves with.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from event_contracts.allocations import AllocationLine, AllocationState, Promise
from event_contracts.catalog import EVENT_TYPES
from event_contracts.delays import DelayedLine, DelayOffer, DelayReply
from event_contracts.envelope import Event
from event_contracts.inventory import (
    InboundChange,
    InboundLine,
    LocationState,
    PurchaseOrderLine,
    SellingMode,
    SkuMerge,
    SkuPolicy,
    StockChange,
    StockLevel,
    Weekday,
)
from event_contracts.model import Payload
from event_contracts.notifications import NotificationOutcome
from event_contracts.orders import OrderLine, OrderState, ShippedLine
from event_contracts.payments import PaymentAction, PaymentRequest, PaymentStatus
from event_contracts.sources import SOURCES

_ORDER = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c60"
_LINE = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c61"
_SHIPMENT = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c62"
_DECISION = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c63"
_NOTIFICATION = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c64"
_OFFER = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c66"
_PO_LINE = "01986f1e-6f00-7a10-9c5e-3f1d2b4a5c65"
_SKU = "Trouser/32 navy"
_DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _order(sequence: int, **changes: object) -> OrderState:
    shipped, voided = changes.pop("shipped", {}), changes.pop("voided", {})
    state: dict[str, object] = {
        "order_id": _ORDER,
        "sequence": sequence,
        "reference": "WEB-10023",
        "placed_at": _DAY,
        "updated_at": _DAY,
        "ship_complete": False,
        "customer_id": "customer-7",
        "contact_id": "contact-7",
        "tier": "gold",
        "channel": "web",
        "country": "DE",
        "region": "BE",
        "jurisdiction": "EU",
        "time_zone": "Europe/Berlin",
        "completed_at": _DAY,
        "currency": "EUR",
        "needed_by": date(2026, 3, 20),
        "latest_acceptable_date": date(2026, 4, 15),
        "location_preference": "berlin",
        "lines": (
            OrderLine.model_validate(
                {
                    "line_id": _LINE,
                    "sku": _SKU,
                    "quantity": 5,
                    "cancelled": 1,
                    "unit_price": 4990,
                    "added_at": _DAY,
                    "shipped": shipped,
                    "voided": voided,
                }
            ),
        ),
        **changes,
    }
    return OrderState.model_validate(state)


_PROMISE_CAUSES = {3: "StockLevelChanged", 4: "InboundRescheduled"}
"""By line version: the type of the event that made the example's promise anew."""


def _allocation(
    allocated: int, waiting: int, declined: int, version: int, reason: str, *, code: str, **parameters: str | bool | int
) -> AllocationState:
    cause = _PROMISE_CAUSES.get(version, "OrderPlaced")
    promise = _promise(version, cause) if waiting else None
    line = AllocationLine(
        line_id=_LINE,
        sku=_SKU,
        line_version=version,
        allocated={"berlin": allocated} if allocated else {},
        waiting=waiting,
        declined=declined,
        reason=reason,
        reason_code=code,
        reason_parameters=parameters or None,
        promise=promise,
    )
    return AllocationState(order_id=_ORDER, basis=1, decision_id=_DECISION, decided_at=_DAY, lines=(line,))


def _stock(on_hand: int, shipped: int, version: int, reason: str, *, receipt: bool = False) -> StockChange:
    level = StockLevel(
        location="berlin", on_hand=on_hand, shipped=shipped, voided=shipped, version=version, priority=10, active=True
    )
    closed = (PurchaseOrderLine(id=_PO_LINE, remaining=20, version=3),) if receipt else ()
    return StockChange(sku=_SKU, levels=(level,), reason=reason, occurred_at=_DAY, po_lines=closed)


def _promise(revision: int, cause: str) -> Promise:
    return Promise(
        date=date(2026, 3, 16),
        revision=revision,
        cause=cause,
        basis="inbound",
        ship_by=date(2026, 3, 17),
        deliver_by=date(2026, 3, 19),
        confidence=90,
        source="mill-3",
        table_version=12,
    )


def _inbound(remaining: int, day: int, version: int) -> InboundChange:
    return InboundChange(
        sku=_SKU,
        po_line=_PO_LINE,
        remaining=remaining,
        eta=datetime(2026, 3, day, 12, tzinfo=UTC),
        supplier="mill-3",
        location="berlin",
        version=version,
        occurred_at=_DAY,
        ordered=60,
        ordered_at=_DAY,
    )


def _outcome(attempts: int, reason: str | None) -> NotificationOutcome:
    return NotificationOutcome(
        notification_id=_NOTIFICATION,
        order_id=_ORDER,
        contact_id="contact-7",
        template="backorder_placed",
        channel="email",
        attempts=attempts,
        reason=reason,
        occurred_at=_DAY,
        offer_ids=(_OFFER,),
        content_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )


def _delay(version: int, state: str, reply: DelayReply | None = None) -> DelayOffer:
    line = DelayedLine(line_id=_LINE, sku=_SKU, from_date=date(2026, 3, 16), to_date=date(2026, 4, 30))
    return DelayOffer(
        order_id=_ORDER,
        offer_id=_OFFER,
        version=version,
        number=1,
        kind="delay",
        lines=(line,),
        silence_means="cancellation",
        respond_by=datetime(2026, 4, 15, 22, tzinfo=UTC),
        notice_by=datetime(2026, 3, 16, 23, tzinfo=UTC),
        time_zone="Europe/Berlin",
        state=state,
        made_at=_DAY,
        reply=reply,
        reply_url=f"https://orders.example/v1/orders/{_ORDER}/offers/{_OFFER}?token=bo_offer_1f2e3d4c.signed",
    )


_REPLY = DelayReply(choice="grant_until", until=date(2026, 5, 15), received_at=_DAY)
"""The golden example must fill every field, so that even the offer of the example has a reply."""


def _payment(version: int, kind: str) -> PaymentStatus:
    request = PaymentRequest(
        attempt_id="01986f1e-6f00-7a10-9c5e-3f1d2b4a5c67",
        kind=kind,
        amount=4990,
        method="pm_1QJx2",
        reference="pi_3QJx2",
    )
    return PaymentStatus(
        payment_id="01986f1e-6f00-7a10-9c5e-3f1d2b4a5c66",
        order_id=_ORDER,
        version=version,
        provider="stripe",
        currency="EUR",
        due=14970,
        held=4990,
        captured=19960,
        refunded=0,
        refund_due=4990,
        refund_due_by=datetime(2026, 3, 16, 22, tzinfo=UTC),
        state="refund_due",
        request=request,
        action=PaymentAction(
            kind="authenticate",
            attempt_id="01986f1e-6f00-7a10-9c5e-3f1d2b4a5c67",
            url="https://hooks.stripe.com/redirect/authenticate/src_1QJx2",
            until=datetime(2026, 3, 5, 9, tzinfo=UTC),
        ),
        occurred_at=_DAY,
    )


def _payloads() -> dict[str, Payload]:
    gone = ShippedLine(
        shipment_id=_SHIPMENT, line_id=_LINE, sku=_SKU, location="berlin", quantity=2, shipped_at=_DAY, voided_at=_DAY
    )
    return {
        "OrderPlaced": _order(1),
        "OrderAmended": _order(2, needed_by=date(2026, 3, 27), reason="the customer asked"),
        "OrderCancelled": _order(3, reason="no longer needed"),
        "OrderShipped": _order(4, shipped={"berlin": 2}, voided={"berlin": 2}, shipments=(gone,)),
        "DelayOffered": _delay(1, "offered", _REPLY),
        "DelayConsentRecorded": _delay(3, "consented", _REPLY),
        "StockReceived": _stock(30, 0, 2, "receipt", receipt=True),
        "StockLevelChanged": _stock(28, 2, 3, "shipment"),
        "InboundScheduled": _inbound(50, 9, 1),
        "InboundRescheduled": _inbound(50, 16, 2),
        "InboundCancelled": _inbound(0, 16, 4),
        "SkuPolicyChanged": SkuPolicy(
            sku=_SKU,
            version=1,
            mode=SellingMode.PREORDER,
            cap=100,
            release_at=datetime(2026, 3, 10, tzinfo=UTC),
            lead_time_days=14,
            category="trousers",
            name="Trousers 32, navy",
            occurred_at=_DAY,
        ),
        "SkuMerged": SkuMerge(
            sku=_SKU,
            merged=("Trouser-32-navy",),
            version=2,
            levels=_stock(28, 2, 4, "merged").levels,
            po_lines=(
                InboundLine(
                    id=_PO_LINE,
                    remaining=20,
                    eta=datetime(2026, 3, 16, 12, tzinfo=UTC),
                    supplier="mill-3",
                    location="berlin",
                    version=4,
                ),
            ),
            occurred_at=_DAY,
        ),
        "LocationChanged": LocationState(
            location="berlin",
            version=3,
            name="Berlin",
            priority=10,
            active=True,
            time_zone="Europe/Berlin",
            cut_off=time(14, 30),
            handling_days=2,
            working_days=tuple(Weekday)[:5],
            holidays=(date(2026, 4, 3), date(2026, 4, 6)),
            occurred_at=_DAY,
        ),
        "OrderAllocated": _allocation(4, 0, 0, 1, "granted", code="granted"),
        "OrderBackordered": _allocation(1, 3, 0, 1, "partly: supply ran out", code="supply_ran_out", partly=True),
        "OrderDeclined": _allocation(
            0, 0, 4, 1, "declined: backorder cap of 20 reached", code="backorder_cap_reached", cap=20
        ),
        "BackorderAllocated": _allocation(4, 0, 0, 2, "granted by a run: win", code="granted_by_run", strategy="win"),
        "AllocationReleased": _allocation(2, 2, 0, 3, "taken back: less stock than granted", code="stock_shortfall"),
        "PromiseRevised": _allocation(1, 3, 0, 4, "partly: supply ran out", code="supply_ran_out", partly=True),
        "NotificationSent": _outcome(1, None),
        "NotificationFailed": _outcome(5, "the mail server refused the recipient"),
        "PaymentUpdated": _payment(3, "charge"),
        "PaymentRequested": _payment(4, "charge"),
        "RefundRequested": _payment(5, "refund"),
    }


def sample_events() -> dict[str, Event]:
    """One event for each name of the catalog."""
    payloads = _payloads()
    events: dict[str, Event] = {}
    for number, (name, event_type) in enumerate(EVENT_TYPES.items(), start=1):
        payload = payloads[name]
        events[name] = Event(
            id=f"01986f1e-7000-7000-8000-{number:012d}",
            type=event_type,
            source=SOURCES[event_type.topic],
            time=_DAY,
            key=str(getattr(payload, event_type.key_field)),
            sequence=getattr(payload, "sequence", 1),
            payload=payload,
            correlation_id="4bf92f3577b34da6a3ce929d0e0e4736",
            causation_id="01986f1e-7000-7000-8000-000000000000",
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
    return events
