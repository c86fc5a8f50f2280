"""Streams stored decisions, each with its lines, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from allocation_service.adapters.store.decision_digest import DecisionDigest, canonical_json, is_verifiable
from allocation_service.domain.decisions.recorded_fill import StoredLine


@dataclass(frozen=True, slots=True)
class DecisionRange:
    """Which decisions to read. Ids sort by the time of the decision; `first` and `last` are included."""

    first: str = ""
    last: str | None = None
    since: datetime | None = None
    limit: int | None = None
    newest: bool = False
    """With a limit: read the newest decisions instead of the oldest, still in the order in which they were made."""

    def bounds(self) -> tuple[str, str]:
        """The lowest and the highest id; no id sorts after `~`."""
        since = _first_id(self.since) if self.since is not None else ""
        return max(self.first, since), self.last if self.last is not None else "~"


def _first_id(moment: datetime) -> str:
    """The lowest UUIDv7 (RFC 9562, section 5.7) of a moment."""
    stamp = f"{int(moment.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"


@dataclass(slots=True)
class StoredDecision:
    """A decision as stored: its steps and, for each step, its lines and the units that each line was granted."""

    decision_id: str
    decided_at: datetime
    summarised: bool
    steps: list[dict[str, Any]]
    digest: str = ""
    lines: list[list[StoredLine]] = field(default_factory=list)
    granted: list[dict[str, int]] = field(default_factory=list)
    _found: DecisionDigest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._found = DecisionDigest.of_steps(self.steps, self.decided_at, self.digest)

    @property
    def altered(self) -> bool:
        """Whether inputs or results are others than were stored. False where that cannot be told: of decisions that
        are summarised, or were stored before their digests could be verified."""
        return not self.summarised and is_verifiable(self.digest) and self._found.text() != self.digest

    def add(self, row: Any) -> None:
        """Add a row of a line. Rows must come ordered by step and rank."""
        number = row["step"]
        while len(self.lines) <= number:
            self.lines.append([])
            self.granted.append({})
        line_id, granted = row["line_id"], self.granted[number]
        facts, parameters = orjson.loads(row["facts"]), row["reason_parameters"]
        self.lines[number].append(StoredLine(line_id, row["sku"], row["quantity"], facts))
        self._found.add_line(
            (number, row["rank"], line_id, row["sku"], row["quantity"], row["granted"]),
            (row["reason_code"], canonical_json(orjson.loads(parameters)).decode() if parameters else ""),
            canonical_json(facts),
        )
        granted[line_id] = granted.get(line_id, 0) + row["granted"]


Rows = Callable[..., AsyncIterator[Any]]
"""`rows(query, *values)` streams the rows of a query from one snapshot of allocation's database."""

_CHOSEN = "decision_id >= $1 AND decision_id <= $2"
_DECISIONS = (
    "SELECT decision_id, decided_at, summary IS NOT NULL AS summarised, digest, steps::text FROM decision"
    f" WHERE {_CHOSEN}"
)
_LINES = (
    "SELECT decision_id, step, rank, line_id, sku, quantity, granted, reason_code, reason_parameters::text, facts::text"
    " FROM decision_line"
)
_NTH = "SELECT decision_id FROM decision WHERE {chosen} ORDER BY decision_id {order} OFFSET $3 LIMIT 1"


async def stored_decisions(rows: Rows, chosen: DecisionRange) -> AsyncIterator[StoredDecision]:
    """The decisions of a range in the order in which they were made; only one is in memory at a time."""
    first, last = await _limited(rows, chosen)
    lines = rows(f"{_LINES} WHERE {_CHOSEN} ORDER BY decision_id, step, rank", first, last)
    line = await anext(lines, None)
    async for row in rows(f"{_DECISIONS} ORDER BY decision_id", first, last):
        steps = orjson.loads(row["steps"])
        decision = StoredDecision(row["decision_id"], row["decided_at"], row["summarised"], steps, row["digest"])
        while line is not None and line["decision_id"] <= decision.decision_id:
            if line["decision_id"] == decision.decision_id and not decision.summarised:
                decision.add(line)
            line = await anext(lines, None)
        yield decision


async def _limited(rows: Rows, chosen: DecisionRange) -> tuple[str, str]:
    """The bounds of the range with its limit applied; found by index."""
    first, last = chosen.bounds()
    if chosen.limit is None:
        return first, last
    query = _NTH.format(chosen=_CHOSEN, order="DESC" if chosen.newest else "ASC")
    async for row in rows(query, first, last, chosen.limit - 1):
        return (row["decision_id"], last) if chosen.newest else (first, row["decision_id"])
    return first, last
