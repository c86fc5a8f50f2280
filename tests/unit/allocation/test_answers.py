"""Events written directly are, byte for byte, what the contract's models write."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.application.session.integration_event import (
    SOURCE,
    PublishedReason,
    integration_event,
    line_data,
    moment,
    promise_data,
    published_reason,
)
from allocation_service.domain import reasons
from allocation_service.domain.reasons import Reason
from allocation_service.wording.reason_words import published_words
from event_contracts import AllocationLine, AllocationState, Event, Promise, new_event
from event_contracts.envelope import decode
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
LINES = st.fixed_dictionaries(
    {
        "line_id": TEXT, "sku": TEXT, "version": UNITS, "granted": st.dictionaries(TEXT, UNITS, max_size=3),
        "waiting": UNITS, "declined": UNITS, "reason": REASONS,
        "promise": st.one_of(st.none(), st.tuples(st.one_of(st.none(), st.dates(date(2000, 1, 1))), UNITS, TEXT)),
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
        promise=Promise(date=promise[0], revision=promise[1], cause=promise[2]) if promise else None,
    )


NAMES = st.sampled_from(["OrderAllocated", "BackorderAllocated", "PromiseRevised"])
ENVELOPES = st.fixed_dictionaries(
    {"name": NAMES, "order_id": TEXT, "at": MOMENTS, "number": UNITS, "cause": st.one_of(st.none(), TEXT)}
)


@given(st.lists(LINES, min_size=1, max_size=3), ENVELOPES)
def test_an_answer_is_byte_for_byte_what_the_contract_writes(
    lines: list[dict[str, Any]], envelope: dict[str, Any]
) -> None:
    order_id, at, number, cause = (envelope[name] for name in ("order_id", "at", "number", "cause"))
    wanted: Event = new_event(
        envelope["name"],
        AllocationState(
            order_id=order_id, basis=number, decision_id="d", decided_at=at, lines=tuple(modelled(one) for one in lines)
        ),
        source=SOURCE, sequence=number, now=at, correlation_id=order_id, causation_id=cause, traceparent=cause,
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


def test_an_answer_that_continues_nothing_starts_its_own_correlation() -> None:
    made = integration_event(
        "OrderAllocated", order_id="o", basis=1, decision_id="d", decided_at=datetime.now(UTC), lines=[], sequence=1,
        correlation_id="", causation_id=None, traceparent=None, made_at=moment(datetime.now(UTC)),
    )  # fmt: skip
    assert made.correlation_id == made.id


@pytest.mark.parametrize(
    ("reason", "words", "parameters"),
    [
        (reasons.GRANTED, "granted", None),
        (reasons.PARTLY, "partly: supply ran out", {"partly": True}),
        (
            reasons.too_late(date(2026, 6, 9), date(2026, 6, 2)),
            "declined: expected 2026-06-09, later than acceptable 2026-06-02",
            {"expected": "2026-06-09", "acceptable": "2026-06-02"},
        ),
    ],
)
def test_a_reason_is_told_in_words_and_as_data_that_every_reader_of_the_contract_understands(
    reason: Reason, words: str, parameters: dict[str, Any] | None
) -> None:
    told = line_data(
        line_id="l", sku="A", version=1, granted={}, waiting=0, declined=0, promise=None,
        reason=published_reason(reason, published_words),
    )  # fmt: skip
    made = integration_event(
        "OrderAllocated", order_id="o", basis=1, decision_id="d", decided_at=datetime.now(UTC), lines=[told],
        sequence=1, correlation_id="", causation_id=None, traceparent=None, made_at=moment(datetime.now(UTC)),
    )  # fmt: skip
    state = decode(made.headers(), made.value()).payload
    assert isinstance(state, AllocationState)
    (line,) = state.lines
    assert (line.reason, line.reason_code, line.reason_parameters) == (words, reason.code.value, parameters)


def test_a_line_that_nothing_was_decided_about_has_no_reason() -> None:
    assert published_reason(None, published_words) == PublishedReason("", None, None)
