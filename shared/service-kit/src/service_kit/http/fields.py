"""Types of fields and parameters that bodies, paths and queries of all services share.

Bodies arrive as parsed JSON and parameters as text. Left to itself, pydantic reads digits as seconds since 1970 where
a time is expected, and text as a number where a number is: these types take only what the API's document shows.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from service_kit.runtime.instant import NOT_A_DAY, NOT_AN_INSTANT, check_year, in_utc, parse_day, parse_instant
from service_kit.runtime.names import INVISIBLE, check_visible, in_one_form
from service_kit.runtime.time_zones import is_time_zone

PLAIN_TEXT = rf"^[^{INVISIBLE}]*[^{INVISIBLE}\s][^{INVISIBLE}]*$"
"""Text of one line that can be seen. Control characters, line breaks and zero-width characters stand in nobody's names:
they come from broken exports, break logs, labels and spreadsheets, and make two names of one."""

ONE_LINE = rf"^[^{INVISIBLE}]*$"
"""The same, or nothing at all."""


def _tidy(value: object) -> object:
    if isinstance(value, str):
        check_visible(value)
        return in_one_form(value)
    return value


def _no_address(value: str) -> str:
    if "@" in value:
        raise ValueError("must be an id and not an e-mail address: ids are in events, which are never erased")
    return value


TIDY = BeforeValidator(_tidy)
"""Reads text in the one form of ``service_kit.runtime.names``; text with characters that cannot be seen is an error."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PLAIN_TEXT), TIDY]
"""An opaque, case-sensitive name or id given by the caller: a SKU, a location, a customer, a reference."""

PersonId = Annotated[Name, AfterValidator(_no_address)]
"""The id of a customer or a contact, which events carry for ever: a made-up id, and not an e-mail address."""


def _known_time_zone(value: str) -> str:
    if not is_time_zone(value):
        raise ValueError("must be the IANA name of a time zone, such as America/New_York")
    return value


TimeZone = Annotated[Name, AfterValidator(_known_time_zone)]
"""The IANA name of a time zone."""

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN_TEXT), TIDY]
"""One line of text for people, such as the name of an article."""

Reason = Annotated[str, StringConstraints(max_length=500, pattern=ONE_LINE), TIDY]
"""Why, in one line of the caller's own words."""


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return in_utc(value)
    if not isinstance(value, str):
        raise ValueError(NOT_AN_INSTANT)
    return parse_instant(value)


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""An instant with its offset (RFC 3339), between the years 1900 and 2999; in UTC once read."""


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        check_year(value.year)
        return value
    if not isinstance(value, str):
        raise ValueError(NOT_A_DAY)
    return parse_day(value)


Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day (RFC 3339, full-date), between the years 1900 and 2999."""


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("must be a whole number")
    return value


WHOLE_NUMBER = BeforeValidator(_number)
"""Makes an ``int`` a JSON integer: 2 and 2.0 are one, as JSON Schema has it, while "2" and true are none.

It stands after the bounds (``Annotated[int, Field(ge=1), WHOLE_NUMBER]``), which the API's document would not show
otherwise.
"""

FRACTION_OF_A_UNIT = (
    "must be whole units, never a fraction: state the quantity in the smallest unit in which the SKU is sold, "
    "such as 1500 g instead of 1.5 kg, and its price for one of them"
)
"""Why a fractional quantity is refused, and what to send instead."""


def _units(value: object) -> object:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(FRACTION_OF_A_UNIT)
    return _number(value)


WHOLE_UNITS = BeforeValidator(_units)
"""As WHOLE_NUMBER, for a quantity of a SKU: a fraction is refused with the advice to use the smallest unit.

Quantities are whole everywhere, so that sums of them are exact and a unit is either allocated or not.
"""

Units = Annotated[int, Field(ge=1, le=1_000_000, description="Whole units"), WHOLE_UNITS]
"""A number of units to order, receive or ship."""
