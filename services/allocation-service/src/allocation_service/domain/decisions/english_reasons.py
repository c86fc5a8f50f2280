"""Reasons that were stored as English text, before there were codes: the only place that reads such text.

Rows of that time stay as they are. Each wording that any version of the service ever stored is known here; what is
not is kept as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from allocation_service.domain import reasons
from allocation_service.domain.policies.policy import Share
from allocation_service.domain.reasons import Limit, Reason, ReasonCode

_WHOLE = {
    "granted": reasons.GRANTED,
    "waits: order ships complete": reasons.INCOMPLETE,
    "deferred: its order is decided by itself, with all of its SKUs locked": reasons.DEFERRED,
    "deferred: stands behind an order that is being decided by itself": reasons.BEHIND,
    "taken back: less stock than granted": reasons.TAKEN_BACK,
    "released: its order ships complete and no longer is": reasons.RELEASED,
    "undecided: how the SKU is sold is not known yet": reasons.UNDECIDED,
    "declined: discontinued": reasons.DISCONTINUED,
    "declined: ships complete, and another line is declined": reasons.OTHER_LINE_DECLINED,
    "granted: what it lent came back": reasons.REPAID,
}
_SHARES = {
    "in proportion": Share.PROPORTIONAL,
    "by max-min": Share.MAX_MIN,
    "evenly": Share.UNIFORM_LOSSES,
    "in turn": Share.SEQUENTIAL,
}
_CHANGES = {"granted": 1, "taken back": -1, "unchanged": 0}
_OR_BETTER = " or better"


def _held_back(whom: str, kept: str) -> Limit:
    return reasons.held_back(0, whom.removesuffix(_OR_BETTER), int(kept), or_better=whom.endswith(_OR_BETTER))


_LIMITS: tuple[tuple[str, Callable[..., Limit]], ...] = (
    ("supply ran out", lambda: Limit(0)),
    ("bypass limit", lambda: reasons.kept_for_others(0)),
    (r"held back for tier (.+): (\d+) kept", _held_back),
    (
        r"quota of (\d+) for (channel|region) (.+) used up",
        lambda quota, field, name: reasons.used_up(0, field, name, int(quota)),
    ),
)
"""What kept a demand from more. What the text begins with says how much it got: nothing of what is missing here."""
_OTHERS: tuple[tuple[str, Callable[..., Reason]], ...] = (
    (
        r"waits: order ships complete, passed (\d+) times: its stock is kept",
        lambda passed: reasons.kept_for_it(int(passed)),
    ),
    (
        "taken back: less stock than granted, the loss is shared (" + "|".join(_SHARES) + ")",
        lambda share: reasons.shared_loss(_SHARES[share]),
    ),
    (
        r"declined: sold from stock only, (\d+) of (\d+) available",
        lambda available, requested: reasons.stock_only(int(available), int(requested)),
    ),
    (r"declined: backorder cap of (\d+) reached", lambda cap: reasons.cap_reached(int(cap))),
    (
        r"declined: expected at no known date, later than acceptable ([\d-]+)",
        lambda acceptable: reasons.too_late(None, date.fromisoformat(acceptable)),
    ),
    (
        r"declined: expected ([\d-]+), later than acceptable ([\d-]+)",
        lambda expected, acceptable: reasons.too_late(date.fromisoformat(expected), date.fromisoformat(acceptable)),
    ),
    (
        r"lent until ([\d-]+): (\d+) to a line that is due before any stock comes",
        lambda due_back, units: reasons.lent(int(units), date.fromisoformat(due_back)),
    ),
    (
        r"granted: (\d+) lent by a line that needs them on ([\d-]+)",
        lambda units, needed_on: reasons.borrowed(int(units), date.fromisoformat(needed_on)),
    ),
    (
        r"(granted|taken back|unchanged) by a run: (\w+)",
        lambda verb, strategy: reasons.moved_by_run(_CHANGES[verb], strategy),
    ),
)
_LIMIT_PATTERNS = tuple((re.compile(pattern), limit) for pattern, limit in _LIMITS)
_OTHER_PATTERNS = tuple((re.compile(pattern), reason) for pattern, reason in _OTHERS)
_OPENINGS = re.compile("(partly: |waits: |skipped: |)(.*)", re.DOTALL)


@lru_cache(maxsize=10_000)
def reason_of_english(text: str) -> Reason | None:
    """The reason behind a stored text; None where it is empty, which is a line that nothing was decided about."""
    if not text:
        return None
    known = _WHOLE.get(text) or _limit(text) or _other(text)
    return known or Reason(ReasonCode.UNRECOGNISED, {"text": text})


def _limit(text: str) -> Reason | None:
    opening = _OPENINGS.fullmatch(text)
    if opening is None:
        return None
    for pattern, limit in _LIMIT_PATTERNS:
        found = pattern.fullmatch(opening[2])
        if found:
            why = limit(*found.groups()).why
            return why.in_part() if opening[1] == "partly: " else why
    return None


def _other(text: str) -> Reason | None:
    for pattern, reason in _OTHER_PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return reason(*found.groups())
    return None
