"""The shared types of fields take what the API's document shows, and nothing that merely resembles it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from service_kit.http.fields import Day, Instant, Name, Title, Units

CONTROL_CHARACTERS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
LINE_BREAKS = ["\u2028", "\u2029"]


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


NO_OFFSET = datetime(2027, 3, 28)  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("value", [0, 1.5, True, None, "20270328", "2027-03-28T10:00:00", NO_OFFSET])
def test_an_instant_is_text_with_an_offset(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Instant, value)


def test_an_instant_is_kept_in_utc_and_documented_as_one() -> None:
    assert read(Instant, "2027-03-28T10:00:00+02:00").isoformat() == "2027-03-28T08:00:00+00:00"
    assert read(Instant, datetime(2027, 3, 28, tzinfo=UTC)) == datetime(2027, 3, 28, tzinfo=UTC)
    assert TypeAdapter(Instant).json_schema() == {"type": "string", "format": "date-time"}


@pytest.mark.parametrize("value", [0, 86400, True, "0", "2027-03-28T00:00:00", datetime(2027, 3, 28, tzinfo=UTC)])
def test_a_day_is_text_without_a_time(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Day, value)


def test_a_day_is_a_date_and_documented_as_one() -> None:
    assert read(Day, "2027-03-28") == read(Day, date(2027, 3, 28)) == date(2027, 3, 28)
    assert TypeAdapter(Day).json_schema() == {"type": "string", "format": "date"}


def test_names_have_no_control_characters_and_no_line_breaks() -> None:
    for kind in (Name, Title):
        for character in (*CONTROL_CHARACTERS, *LINE_BREAKS):
            for text in (character, f"a{character}", f"{character}b", f"a{character}b"):
                with pytest.raises(ValidationError):
                    read(kind, text)


@pytest.mark.parametrize("name", ["LAMP-4", "a b", "Größe 5", "灯", "🛋️", "x" * 100])
def test_a_name_is_any_other_text_of_up_to_100_characters(name: str) -> None:
    assert read(Name, name) == name


@pytest.mark.parametrize("name", ["", "x" * 101, 7, True, None])
def test_what_is_no_text_or_too_long_is_no_name(name: object) -> None:
    with pytest.raises(ValidationError):
        read(Name, name)


@pytest.mark.parametrize("value", ["2", True, 2.5, 0, -1, 1_000_001, None])
def test_what_is_no_whole_number_within_bounds_is_no_number_of_units(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Units, value)


@pytest.mark.parametrize("value", [2.5, 0.1, -1.5, float("nan"), float("inf")])
def test_a_fraction_of_a_unit_is_refused_with_what_to_send_instead(value: float) -> None:
    with pytest.raises(ValidationError, match="smallest unit"):
        read(Units, value)


def test_two_is_a_number_of_units_however_json_writes_it() -> None:
    assert read(Units, 2) == read(Units, 2.0) == 2
    assert TypeAdapter(Units).json_schema() == {
        "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "Whole units"
    }  # fmt: skip
