"""What a language must have: templates, filled with parameters as ``str.format`` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from allocation_service.domain.decisions.position_facts import Meaning
from allocation_service.domain.reasons import ReasonCode
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode
from allocation_service.domain.runs.run_progress import ProgressCode


class Noun(NamedTuple):
    """What is counted, for one and for any other number."""

    one: str
    other: str


class Catalogue(NamedTuple):
    """A language. The tests compare the others with English, so that none lacks a template."""

    language: str
    months: tuple[str, ...]
    day: str
    """Of a ``day`` and a ``month``."""
    day_and_year: str
    thousands: str
    """What stands between the thousands of a number."""
    nouns: Mapping[str, Noun]
    terms: Mapping[str, str]
    """Of parameters whose values are codes: what these are called."""
    reasons: Mapping[ReasonCode, str]
    """Each reason in a few words, as events and decisions show it."""
    partial: Mapping[ReasonCode, str]
    """The same where some units were given all the same."""
    causes: Mapping[ReasonCode, str]
    """What stood behind a decision, as a part of a sentence that a merchandiser reads."""
    outcomes: Mapping[str, str]
    """What a decision did, in a sentence."""
    summary: Mapping[str, str]
    """Where a line stands, clause by clause."""
    left_alone: Mapping[LeftAlone, str]
    """Why a run leaves a line alone."""
    exceptions: Mapping[ExceptionCode, str]
    """What a run cannot do for a line, and a person has to resolve."""
    progress: Mapping[ProgressCode, str]
    """How far the planning of a run is, or why it failed."""
    facts: Mapping[Meaning, str]
    """What put a line at its place in the queue."""

    def counted(self, units: int, noun: str = "unit") -> str:
        """``1 unit``, ``2 units``."""
        return f"{self.number(units)} {self.nouns[noun].one if units == 1 else self.nouns[noun].other}"

    def number(self, units: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{units:,}".replace(",", self.thousands)

    def day_in_words(self, day: date, today: date) -> str:
        """``5 June``, with the year where it is not this one."""
        template = self.day if day.year == today.year else self.day_and_year
        return template.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def filled(self, template: str, parameters: Mapping[str, Any], today: date | None = None) -> str:
        """A template with its parameters: codes by what they are called, days in words or, without a ``today``, as
        ISO 8601 has them."""
        return template.format_map({name: self._part(name, value, today) for name, value in parameters.items()})

    def _part(self, name: str, value: Any, today: date | None) -> Any:
        if isinstance(value, date):
            return value.isoformat() if today is None else self.day_in_words(value, today)
        return self.terms.get(f"{name}:{value}", value)

    def listed(self, parts: list[str]) -> str:
        """``a, b and c``."""
        if len(parts) < 2:
            return "".join(parts)
        return self.summary["list"].format(rest=", ".join(parts[:-1]), last=parts[-1])
