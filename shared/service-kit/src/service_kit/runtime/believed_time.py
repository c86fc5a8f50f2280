"""Which business times are believed: one judge for what callers state and for what events say.

Protocol rule 20, docs/protocol.md, and docs/adr/0023. Callers are refused; events are not, because another version or
another clock may have written them, and a refusal would park their key: a time out of bounds is replaced there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MOST_AHEAD = timedelta(minutes=15)
"""How far a business time may lie ahead of the clock that judges it: as far as the clocks of two hosts may differ."""

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Business times before are typing errors, or zero as some system writes it. History that is imported is younger."""

FURTHEST_PLAN = timedelta(days=20 * 365)
"""How far ahead a planned time, such as the arrival of a delivery, may lie."""


def find_fault(stated: datetime, now: datetime) -> str | None:
    """What is wrong with a business time that a caller states at ``now``; None if it is believed."""
    if stated > now + MOST_AHEAD:
        return (
            f"It lies ahead of the clock, which stands at {_shown(now)}. A local time needs its own offset, as in"
            " 2026-05-04T10:00:00+02:00, not Z."
        )
    if stated < EARLIEST:
        return f"It lies before {EARLIEST.year}."
    return None


def find_plan_fault(planned: datetime, now: datetime) -> str | None:
    """What is wrong with a time that is planned at ``now``, which may well lie in the future; None if nothing is."""
    if planned > now + FURTHEST_PLAN:
        return f"It lies after {(now + FURTHEST_PLAN).year - 1}."
    if planned < EARLIEST:
        return f"It lies before {EARLIEST.year}."
    return None


def believed(told: datetime, now: datetime) -> datetime:
    """A business time that was told, or the nearest one that can be believed at ``now``.

    One that is further ahead than two clocks may differ tells nothing but that it has happened by now.
    """
    if told > now + MOST_AHEAD:
        return now
    return max(told, EARLIEST)


def believed_plan(told: datetime, now: datetime) -> datetime:
    """A planned time that was told, or the nearest one that can be believed at ``now``."""
    return min(max(told, EARLIEST), now + FURTHEST_PLAN)


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
