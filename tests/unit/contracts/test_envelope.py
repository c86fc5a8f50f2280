"""Events survive the way through Kafka unchanged, and a broken record says what is wrong with it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_contracts import EVENT_TYPES, Event, new_event, new_event_id
from event_contracts.envelope import MalformedEvent, decode, event_name_of
from event_contracts.samples import sample_events

identifiers = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100)
quantities = st.integers(0, 1_000_000_000)
versions = st.integers(0, 2**62)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001
dates = st.dates()
optional_identifiers = st.none() | identifiers
by_location = st.dictionaries(identifiers, quantities, max_size=3)

order_lines = st.fixed_dictionaries(
    {"line_id": identifiers, "sku": identifiers, "quantity": quantities},
    optional={"cancelled": quantities, "unit_price": st.integers(0, 2**40), "shipped": by_location},
)
shipments = st.fixed_dictionaries(
    dict.fromkeys(("shipment_id", "line_id", "sku", "location"), identifiers)
    | {"quantity": quantities, "shipped_at": instants}
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
promises: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"revision": versions, "cause": texts}, optional={"date": st.none() | dates}
)
allocation_lines = st.fixed_dictionaries(
    {"line_id": identifiers, "sku": identifiers, "line_version": versions},
    optional={
        "allocated": by_location,
        "waiting": quantities,
        "declined": quantities,
        "reason": texts,
        "promise": st.none() | promises,
    },
)
PAYLOADS: dict[str, st.SearchStrategy[Any]] = {
    "OrderState": st.fixed_dictionaries(
        {"order_id": identifiers, "sequence": versions, "reference": identifiers, "placed_at": instants,
         "updated_at": instants, "lines": st.lists(order_lines, max_size=3)},
        optional={"ship_complete": st.booleans(), "customer_id": optional_identifiers, "needed_by": st.none() | dates,
                  "region": optional_identifiers, "shipments": st.lists(shipments, max_size=2)},
    ),
    "DelayOffer": st.fixed_dictionaries(
        {"order_id": identifiers, "offer_id": identifiers, "version": versions, "number": st.integers(1, 99),
         "kind": st.just("delay"), "silence_means": st.just("consent"), "state": st.just("offered"),
         "made_at": instants, "lines": st.lists(st.fixed_dictionaries({"line_id": identifiers, "sku": identifiers},
                                                optional={"to_date": st.none() | dates}), max_size=2)},
        optional={"respond_by": st.none() | instants,
                  "reply": st.fixed_dictionaries({"choice": st.just("wait"), "received_at": instants})},
    ),
    "PaymentStatus": st.fixed_dictionaries(
        {"payment_id": identifiers, "order_id": identifiers, "version": versions, "provider": identifiers,
         "currency": st.just("JPY"), "state": st.just("paid"), "occurred_at": instants}
        | dict.fromkeys(("due", "held", "captured", "refunded", "refund_due"), st.integers(0, 2**40)),
        optional={"refund_due_by": st.none() | instants,
                  "request": st.fixed_dictionaries({"attempt_id": identifiers, "kind": st.just("charge"),
                                                    "amount": st.integers(1, 2**40)})},
    ),
    "AllocationState": st.fixed_dictionaries(
        {"order_id": identifiers, "basis": versions, "decision_id": identifiers, "decided_at": instants,
         "lines": st.lists(allocation_lines, max_size=3)}
    ),
    "StockChange": st.fixed_dictionaries(
        {"sku": identifiers, "reason": st.just("count"), "occurred_at": instants,
         "levels": st.lists(st.fixed_dictionaries({"location": identifiers, "on_hand": quantities,
                                                   "shipped": quantities, "version": versions}),
                            min_size=1, max_size=3)}
    ),
    "InboundChange": st.fixed_dictionaries(
        {"sku": identifiers, "po_line": identifiers, "remaining": quantities, "eta": instants, "supplier": identifiers,
         "location": identifiers, "version": versions, "occurred_at": instants}
    ),
    "SkuPolicy": st.fixed_dictionaries(
        {"sku": identifiers, "version": versions, "mode": st.sampled_from(["stock_only", "backorder", "preorder"]),
         "lead_time_days": st.integers(0, 3650), "occurred_at": instants},
        optional={"cap": st.none() | quantities, "release_at": st.none() | instants},
    ),
    "SkuMerge": st.fixed_dictionaries(
        {"sku": identifiers, "merged": st.lists(identifiers, min_size=1, max_size=3), "version": versions,
         "occurred_at": instants},
        optional={"po_lines": st.lists(st.fixed_dictionaries(
            {"id": identifiers, "remaining": quantities, "eta": instants, "supplier": identifiers,
             "location": identifiers, "version": versions}), max_size=2)},
    ),
    "LocationState": st.fixed_dictionaries(
        {"location": identifiers, "version": versions, "name": identifiers, "priority": quantities,
         "active": st.booleans(), "occurred_at": instants},
        optional={"time_zone": st.sampled_from(["UTC", "Asia/Kolkata"]), "cut_off": st.none() | st.just("14:30:00"),
                  "handling_days": st.integers(0, 365), "holidays": st.lists(st.dates(), max_size=3)},
    ),
    "NotificationOutcome": st.fixed_dictionaries(
        {"notification_id": identifiers, "order_id": identifiers, "template": identifiers, "channel": identifiers,
         "attempts": st.integers(0, 100), "occurred_at": instants},
        optional={"contact_id": optional_identifiers},
    ),
}  # fmt: skip


@st.composite
def events(draw) -> Event:
    event_type = EVENT_TYPES[draw(st.sampled_from(sorted(EVENT_TYPES)))]
    payload = event_type.model.model_validate(draw(PAYLOADS[event_type.model.__name__]))
    return new_event(
        event_type.name,
        payload,
        source="/backorder/test",
        sequence=draw(versions),
        now=draw(instants),
        causation_id=draw(st.none() | st.just(new_event_id())),
    )


@given(events())
def test_an_event_comes_back_from_its_record_as_it_was(event):
    assert decode(event.headers(), event.value()) == event


@given(events(), st.dictionaries(st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), st.integers() | st.text(max_size=5)))
def test_members_and_headers_that_a_newer_producer_added_are_ignored(event, additions):
    value = json.dumps({**json.loads(event.value()), **additions}).encode()
    assert decode([*event.headers(), ("ce_newthing", b"1")], value) == event


EVENT = sample_events()["OrderPlaced"]


def record(**changes: str | None) -> list[tuple[str, bytes]]:
    headers = {name: value.decode() for name, value in EVENT.headers()} | changes
    return [(name, value.encode()) for name, value in headers.items() if value is not None]


@pytest.mark.parametrize(
    "header", ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_partitionkey", "ce_sequence"]
)
def test_a_missing_or_empty_header_is_named(header):
    for value in (None, ""):
        with pytest.raises(MalformedEvent, match=f"^header {header} is missing$"):
            decode(record(**{header: value}), EVENT.value())


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_specversion", "0.3"),
        ("ce_type", "backorder.OrderPlaced.v99"),
        ("ce_time", "yesterday"),
        ("ce_time", "2026-03-02T09:30:00"),
        ("ce_sequence", "many"),
        ("ce_sequence", "-1"),
        ("ce_sequence", "9" * 30),
    ],
)
def test_a_malformed_header_is_named_and_its_value_is_not_repeated(header, value):
    with pytest.raises(MalformedEvent, match=f"^header {header} ") as failure:
        decode(record(**{header: value}), EVENT.value())
    assert value not in str(failure.value)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b"null"])
def test_data_that_is_no_object_is_malformed(value):
    with pytest.raises(MalformedEvent, match=r"^OrderPlaced: data: "):
        decode(EVENT.headers(), value)


def test_a_field_at_fault_is_named_with_its_place():
    value = json.loads(EVENT.value())
    value["lines"][0]["quantity"] = "secret@example.com"
    with pytest.raises(MalformedEvent, match=r"^OrderPlaced: lines\.0\.quantity: ") as failure:
        decode(EVENT.headers(), json.dumps(value).encode())
    assert "secret" not in str(failure.value)


def test_the_name_of_a_record_is_known_without_decoding_it():
    assert event_name_of(EVENT.headers()) == "OrderPlaced"
    assert event_name_of([("ce_type", b"something.else")]) is None
    assert event_name_of([]) is None


def test_ids_are_uuids_of_version_7_and_sort_by_time():
    ids = [new_event_id() for _ in range(100)]
    assert all(one[14] == "7" and one[19] in "89ab" for one in ids)
    assert [one[:18] for one in ids] == sorted(one[:18] for one in ids)
    assert len(set(ids)) == 100


def test_an_event_refuses_the_payload_of_another():
    with pytest.raises(TypeError, match="StockReceived carries StockChange, not OrderState"):
        new_event("StockReceived", EVENT.payload, source="x", sequence=1, now=datetime.now(UTC))
