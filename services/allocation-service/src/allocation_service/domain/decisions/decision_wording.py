"""Stored reasons and facts put into words that a merchandiser reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from allocation_service.domain.decisions.queue_position import Ahead, Cover, Held, Missing, Quantities, Receipt

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_WHY = (
    ("supply ran out", "the free stock did not reach further"),
    (
        r"held back for tier (.+): (\d+) kept",
        "{1} kept for customers of tier {0} expected to order before the next receipt",
    ),
    (r"quota of (\d+) for (channel|region) (.+) used up", "{1} {2} has had its quota of {0} since the last receipt"),
    ("bypass limit", "the stock is kept for an order that others have passed as often as the policy allows"),
    (
        r"order ships complete, passed (\d+) times: its stock is kept",
        "the order ships complete and cannot be filled whole yet; it was passed {0} times, and now its stock is kept",
    ),
    ("order ships complete", "the order ships complete and cannot be filled whole yet"),
    (
        "its order is decided by itself, with all of its SKUs locked",
        "its order was left to be decided by itself, all of its articles together",
    ),
    ("stands behind an order that is being decided by itself", "an order before it was still to be decided by itself"),
    (
        "less stock than granted",
        "there was less stock than had been allocated, and those last in the queue give back first",
    ),
    (
        "less stock than granted, the loss is shared (.+)",
        "there was less stock than had been allocated, and its class shares the loss {0}",
    ),
    ("its order ships complete and no longer is", "its order ships complete and no longer could"),
    ("how the SKU is sold is not known yet", "how this article is sold has not been announced yet"),
    ("discontinued", "the article is discontinued"),
    (
        r"sold from stock only, (\d+) of (\d+) available",
        "the article is sold from stock only, and {0} of {1} units were there",
    ),
    (r"backorder cap of (\d+) reached", "no more than {0} units of this article may wait, and with these more would"),
    (
        r"expected at no known date, later than acceptable (\S+)",
        "no date can be named for it, and {0:date} was the last acceptable one",
    ),
    (
        r"expected (\S+), later than acceptable (\S+)",
        "it is expected on {0:date}, and {1:date} was the last acceptable date",
    ),
    (
        r"lent until (\S+): \d+ to a line that is due before any stock comes",
        "they are due back on {0:date}; the line that has them is due before any stock comes",
    ),
    (r"granted: \d+ lent by a line that needs them on (\S+)", "lent by a line that needs them on {0:date}"),
    ("granted: what it lent came back", "what it had lent came back"),
    (r"(?:granted|taken back|unchanged) by a run: (\w+)", "by a run, under the strategy {0}"),
    ("ships complete, and another line is declined", "its order ships complete, and another line of it was declined"),
)
"""What follows a reason's first word, as a pattern, and how it is told."""

_PATTERNS = tuple((re.compile(pattern), words) for pattern, words in _WHY)
_WHOLE = (("declined: ", "It was declined"), ("unchanged by a run: ", "It keeps what it had"))
"""Reasons that say what became of it, whatever the numbers."""
_OPENINGS = ("partly", "waits", "skipped", "deferred", "taken back", "released", "undecided", "declined")


class _Part:
    """A part of a reason; ``{0:date}`` writes it as a date."""

    def __init__(self, said: str, today: date) -> None:
        self._said, self._today = said, today

    def __format__(self, kind: str) -> str:
        return day_in_words(date.fromisoformat(self._said), self._today) if kind == "date" else self._said


def day_in_words(day: date, today: date) -> str:
    """``5 June``, with the year where it is not this one."""
    words = f"{day.day} {_MONTHS[day.month - 1]}"
    return words if day.year == today.year else f"{words} {day.year}"


def counted(units: int, noun: str = "unit") -> str:
    """``1 unit``, ``2 units``."""
    return f"{units:,} {noun}" if units == 1 else f"{units:,} {noun}s"


def cause_in_words(reason: str, today: date) -> str:
    """What stood behind a reason, without who got how much; a reason nobody has words for stays as it is."""
    opening, _, rest = reason.partition(": ")
    if opening not in _OPENINGS:
        rest = reason
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(rest)
        if found:
            return words.format(*(_Part(part, today) for part in found.groups()))
    return rest


def outcome_in_words(reason: str, wanted: int, given: int, today: date) -> str:
    """One decision about a line as a sentence; ``given`` is negative where units were taken back."""
    if not reason:
        return "Nothing has been decided about it yet."
    if reason == "granted":
        return f"It got {'the unit' if wanted == 1 else f'all {wanted:,} units'} it asked for."
    cause = cause_in_words(reason, today)
    if given < 0:
        verb = "lent" if reason.startswith("lent ") else "gave back"
        return f"It {verb} {counted(-given)}: {cause}."
    for opening, said in _WHOLE:
        if reason.startswith(opening):
            return f"{said}: {cause}."
    if given:
        return f"It got {given:,} of {counted(wanted)}: {cause}."
    return f"It got none of {counted(wanted)}: {cause}." if wanted > 1 else f"It got nothing: {cause}."


class LineSituation(NamedTuple):
    """What is known of a line at a moment. ``reason``: of the last decision; ``limit``: what keeps it from
    stock that is free now. ``ahead`` None: it does not wait in the queue."""

    today: date
    quantities: Quantities
    reason: str
    ahead: Ahead | None = None
    cover: Cover = Cover()
    promise_date: date | None = None
    limit: str | None = None
    held: Held | None = None
    ships_complete: bool = False
    missing: tuple[Missing, ...] = ()


def summary(of: LineSituation) -> str:
    """Why the line waits or got what it got, in one line."""
    now = of.quantities
    parts = [f"{_of_all(units, now.quantity)} {word}" for units, word in _had(now) if units]
    if now.undecided:
        cause = cause_in_words(of.reason, of.today) or "just ordered"
        parts.append(f"{_of_all(now.undecided, now.quantity)} not decided yet: {cause}")
    if now.queued:
        opening = (
            "waits" if now.queued == now.quantity else f"{counted(now.queued)} {'waits' if now.queued == 1 else 'wait'}"
        )
        parts.append(f"{opening}: {'; '.join(_waiting(of))}")
    if now.declined:
        cause = f": {cause_in_words(of.reason, of.today)}" if of.reason.startswith("declined: ") else ""
        parts.append(f"{_of_all(now.declined, now.quantity)} declined{cause}")
    if now.cancelled:
        parts.append(f"{_of_all(now.cancelled, now.quantity)} cancelled")
    return "; ".join(parts)


def _had(now: Quantities) -> tuple[tuple[int, str], ...]:
    return ((now.shipped, "shipped"), (now.allocated, "allocated"))


def _of_all(units: int, of: int) -> str:
    if units < of:
        return f"{units:,} of {counted(of)}"
    return "the unit" if of == 1 else f"all {counted(of)}"


def _waiting(of: LineSituation) -> list[str]:
    """What a waiting line waits for, clause by clause."""
    clauses = []
    if of.held is not None:
        until = f" until {day_in_words(of.held.until, of.today)}" if of.held.until else ""
        clauses.append(f"{counted(of.held.units)} kept for {of.held.whom}{until}")
    elif of.limit is not None:
        clauses.append(cause_in_words(of.limit, of.today))
    elif of.ships_complete:
        clauses.append("the order ships complete" + _with_others(of.missing))
    return [*clauses, _turn(of)]


def _with_others(missing: Sequence[Missing]) -> str:
    if not missing:
        return ""
    named = [f"{counted(one.units)} of {one.sku}" for one in missing[:3]]
    if len(missing) > 3:
        named.append(counted(len(missing) - 3, "more line"))
    return f" and waits for {_listed(named)} too"


def _turn(of: LineSituation) -> str:
    """Where it stands in line, and for what."""
    place = "in line"
    if of.ahead is not None:
        lines, units = of.ahead
        place = f"behind {counted(lines, 'line')} ({counted(units)})" if lines else "next in line"
    source = _source(of)
    return f"{place} for {source}" if source else f"{place}; {_no_receipt(of)}"


def _source(of: LineSituation) -> str:
    named = []
    if of.cover.stock:
        named.append("the stock there is")
    days: dict[date, int] = {}
    for receipt in of.cover.receipts:
        days[receipt.day] = days.get(receipt.day, 0) + receipt.units
    if len(days) == 1 and not named and not of.cover.uncovered:
        return f"the receipt of {day_in_words(next(iter(days)), of.today)}"
    named += [f"the receipt of {day_in_words(day, of.today)} ({counted(units)})" for day, units in days.items()]
    if of.cover.uncovered and named:
        named.append(f"one that is not announced yet ({counted(of.cover.uncovered)})")
    return _listed(named)


def _no_receipt(of: LineSituation) -> str:
    if of.promise_date is None:
        return "no receipt is announced that reaches it, and no date can be named"
    due = day_in_words(of.promise_date, of.today)
    if of.promise_date < of.today:
        return f"no receipt is announced that reaches it, and {due}, for which it was promised, has passed"
    return f"no receipt is announced that reaches it; by its lead time it is due on {due}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def receipt_in_words(receipt: Receipt, today: date) -> str:
    """A receipt that will serve the line."""
    late = f", announced for {day_in_words(receipt.announced, today)} and overdue" if receipt.overdue else ""
    return (
        f"{counted(receipt.units)} from purchase-order line {receipt.po_line} of {receipt.supplier},"
        f" expected on {day_in_words(receipt.day, today)}{late}"
    )
