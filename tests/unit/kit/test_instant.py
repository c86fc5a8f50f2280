"""Instants and days are read in one form only, and are then what they say."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.runtime.instant import parse_day, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04T10:00:00Z", datetime(2026, 5, 4, 10, tzinfo=UTC)),
        ("2026-05-04t10:00:00z", datetime(2026, 5, 4, 10, tzinfo=UTC)),
        ("2026-05-04 10:00:00+02:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T10:00-0930", datetime(2026, 5, 4, 19, 30, tzinfo=UTC)),
        ("2026-05-04T10:00:00.1234567Z", datetime(2026, 5, 4, 10, 0, 0, 123456, tzinfo=UTC)),
        ("1900-01-01T00:00:00+05:00", datetime(1899, 12, 31, 19, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "20270328",
        "1806192000.5",
        "2026-05-04",
        "2026-05-04T10:00:00",
        "2026-05-04T10:00:00 Z",
        " 2026-05-04T10:00:00Z",
        "2026-05-04T10:00:00Z\n",
        "2026-05-04_10:00:00Z",
        "20260504T100000Z",
        "2026-W19-1T10:00:00Z",
        "２０２６-05-04T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-05-04T25:00:00Z",
        "2026-05-04T10:00:00+99:00",
        "0001-01-01T00:00:00+05:00",
        "1899-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_is_no_instant_within_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        parse_instant(text)


@pytest.mark.parametrize("text", ["7311-11-13", "ada@example.com", "2026-02-31T10:00:00Z"])
def test_a_refusal_does_not_quote_what_was_given(text: str) -> None:
    for read in (parse_instant, parse_day):
        with pytest.raises(ValueError, match="must ") as refused:
            read(text)
        assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "0", "20260504", "2026-5-4", "2026-05-04T00:00:00", "2026-05-04\n", "2026-02-30", "1899-12-31", "9999-12-31"],
)
def test_what_is_no_day_within_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        parse_day(text)


def test_a_day_is_a_calendar_date() -> None:
    assert parse_day("2024-02-29") == date(2024, 2, 29)


@given(
    st.datetimes(
        datetime(1900, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2999, 12, 30),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_an_instant_that_was_written_is_read_as_the_same(instant: datetime) -> None:
    # An offset of seconds, which some zones had before 1930, has no place in RFC 3339.
    offset = instant.utcoffset()
    if offset is not None and offset.seconds % 60 == 0:
        assert parse_instant(instant.isoformat()) == instant.astimezone(UTC)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    try:
        parse_instant(text)
    except ValueError:
        return
