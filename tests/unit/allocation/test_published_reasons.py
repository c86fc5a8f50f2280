"""Events publish a line's reason in English words and as data."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from allocation_service.application.session.published_reason import published_reason
from allocation_service.domain import reasons
from allocation_service.domain.reasons import Reason
from allocation_service.wording.reason_words import published_words
from event_contracts import AllocationState
from event_contracts.envelope import decode
from event_contracts.fast_encoding import PublishedReason, integration_event, line_data, moment


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
def test_a_reason_is_published_in_words_and_as_data_that_every_reader_of_the_contract_understands(
    reason: Reason, words: str, parameters: dict[str, Any] | None
) -> None:
    published = line_data(
        line_id="l", sku="A", version=1, granted={}, waiting=0, declined=0, promise=None,
        reason=published_reason(reason, published_words),
    )  # fmt: skip
    made = integration_event(
        "OrderAllocated", order_id="o", basis=1, decision_id="d", decided_at=datetime.now(UTC), lines=[published],
        sequence=1, correlation_id="", causation_id=None, traceparent=None, made_at=moment(datetime.now(UTC)),
    )  # fmt: skip
    state = decode(made.headers(), made.value()).payload
    assert isinstance(state, AllocationState)
    (line,) = state.lines
    assert (line.reason, line.reason_code, line.reason_parameters) == (words, reason.code.value, parameters)


def test_a_line_that_nothing_was_decided_about_has_no_reason() -> None:
    assert published_reason(None, published_words) == PublishedReason("", None, None)
