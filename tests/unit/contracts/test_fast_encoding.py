"""Events that are encoded without their models are, byte for byte, what the models write."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_contracts import AllocationLine, AllocationState, Event, Promise, new_event
from event_contracts.envelope import decode
from event_contracts.fast_encoding import (
    PublishedReason,
    PublishedSource,
    integration_event,
    integration_events,
    line_data,
    moment,
    promise_data,
)
from event_contracts.sources import ALLOCATION_SOURCE
from service_kit.messaging.header_packing import pack_headers

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
UNITS = st.integers(0, 1_000_000_000)
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]),
)
REASONS = st.builds(
    PublishedReason,
    st.one_of(st.just(""), TEXT),
    st.one_of(st.none(), TEXT),
    st.one_of(st.none(), st.dictionaries(TEXT, st.one_of(TEXT, UNITS, st.booleans()), min_size=1, max_size=3)),
)
SOURCES = st.builds(PublishedSource, TEXT, st.one_of(st.just(""), TEXT), st.integers(0, 100), UNITS)
LINES = st.fixed_dictionaries(
    {
        "line_id": TEXT, "sku": TEXT, "version": UNITS, "granted": st.dictionaries(TEXT, UNITS, max_size=3),
        "waiting": UNITS, "declined": UNITS, "reason": REASONS,
        "promise": st.one_of(
            st.none(),
            st.tuples(st.one_of(st.none(), st.dates(date(2000, 1, 1))), UNITS, TEXT, st.one_of(st.none(), SOURCES)),
        ),
    }
)  # fmt: skip


def modelled(line: dict[str, Any]) -> AllocationLine:
    promise = line["promise"]
    return AllocationLine(
        line_id=line["line_id"],
        sku=line["sku"],
        line_version=line["version"],
        allocated={place: units for place, units in line["granted"].items() if units},
        waiting=line["waiting"],
        declined=line["declined"],
        reason=line["reason"].words,
        reason_code=line["reason"].code,
        reason_parameters=line["reason"].parameters,
        promise=promise_modelled(*promise) if promise else None,
    )


def promise_modelled(day: date | None, revision: int, cause: str, source: PublishedSource | None) -> Promise:
    if source is None:
        return Promise(date=day, revision=revision, cause=cause)
    return Promise(
        date=day,
        revision=revision,
        cause=cause,
        basis=source.basis,
        confidence=source.confidence,
        source=source.source or None,
        table_version=source.table_version,
    )


NAMES = st.sampled_from(["OrderAllocated", "BackorderAllocated", "PromiseRevised"])
ENVELOPES = st.fixed_dictionaries(
    {"name": NAMES, "order_id": TEXT, "at": MOMENTS, "number": UNITS, "cause": st.one_of(st.none(), TEXT)}
)


@given(st.lists(LINES, min_size=1, max_size=3), ENVELOPES)
def test_a_fast_encoded_event_is_byte_for_byte_what_the_models_write(
    lines: list[dict[str, Any]], envelope: dict[str, Any]
) -> None:
    order_id, at, number, cause = (envelope[name] for name in ("order_id", "at", "number", "cause"))
    wanted: Event = new_event(
        envelope["name"],
        AllocationState(
            order_id=order_id, basis=number, decision_id="d", decided_at=at, lines=tuple(modelled(one) for one in lines)
        ),
        source=ALLOCATION_SOURCE, sequence=number, now=at,
        correlation_id=order_id, causation_id=cause, traceparent=cause,
    )  # fmt: skip
    told = [line_data(**{**one, "promise": promise_data(*one["promise"]) if one["promise"] else None}) for one in lines]
    made = integration_event(
        envelope["name"], order_id=order_id, basis=number, decision_id="d", decided_at=at, sequence=number, lines=told,
        correlation_id=order_id, causation_id=cause, traceparent=cause, made_at=moment(at),
    )  # fmt: skip
    made.id = wanted.id
    assert made.value() == wanted.value()
    assert pack_headers(made.headers()) == pack_headers(wanted.headers())
    assert made.topic == wanted.topic
    assert decode(made.headers(), made.value()).payload == wanted.payload


def test_an_event_that_continues_nothing_starts_its_own_correlation() -> None:
    made = integration_event(
        "OrderAllocated", order_id="o", basis=1, decision_id="d", decided_at=datetime.now(UTC), lines=[], sequence=1,
        correlation_id="", causation_id=None, traceparent=None, made_at=moment(datetime.now(UTC)),
    )  # fmt: skip
    assert made.correlation_id == made.id


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 400])
@pytest.mark.parametrize("most_bytes", [1, 400, 5_000, 60_000, 500_000])
def test_an_event_is_divided_in_whole_lines_so_that_each_part_fits(count: int, most_bytes: int) -> None:
    lines = [
        line_data(
            line_id=f"l{number}", sku="灯" * (number % 60 + 1), version=number % 7 + 1, granted={"倉": 1, "W": 2},
            waiting=number, declined=0, reason=PublishedReason("words", "code", {"n": number}),
            promise=promise_data(date(2026, 1, 5), 1, "c") if number % 2 else None,
        )
        for number in range(count)
    ]  # fmt: skip
    events = integration_events(
        "OrderAllocated", order_id="o", basis=3, decision_id="d", decided_at=datetime.now(UTC), lines=lines,
        correlation_id="c", causation_id=None, traceparent=None, made_at=moment(datetime.now(UTC)),
        most_bytes=most_bytes,
    )  # fmt: skip
    decoded = [decode(event.headers(), event.value()) for event in events]
    states = [one.payload for one in decoded if isinstance(one.payload, AllocationState)]
    told = [line for state in states for line in state.lines]
    assert [line.line_id for line in told] == [f"l{number}" for number in range(count)]
    assert {(state.basis, state.decision_id) for state in states} == {(3, "d")}
    assert {one.correlation_id for one in decoded} == {"c"}
    assert len({event.id for event in events}) == len(events)
    for event, state in zip(events, states, strict=True):
        assert len(event.value()) <= most_bytes or len(state.lines) < 2
        assert event.sequence == max((line.line_version for line in state.lines), default=0)
    # No more of them than needed: two neighbours together would be too large.
    for one, other in itertools.pairwise(events):
        assert len(one.value()) + len(other.value()) > most_bytes
