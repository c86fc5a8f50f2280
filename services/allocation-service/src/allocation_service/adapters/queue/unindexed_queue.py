"""Reading the head of a queue whose order is no index's: by value, by due date, or with ageing.

Promises that are kept first are read day by day. Among the rest, and on a day for which many are promised, in
every tier a place stands the further ahead the earlier it is due and the earlier it joined: two indexes are
read from their heads, as far as needed, and what was left unread is bounded by where each of them stopped
(the threshold algorithm of Fagin, Lotem and Naor, 2003). Ranking is left to the domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.queue.queue_chunks import enter, read_lines
from allocation_service.adapters.store import session_reads
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.read_queue import Unread
from allocation_service.domain.policies.policy import NO_DATE, Key, Policy
from allocation_service.domain.policies.sorting import Protection, Ranking
from allocation_service.domain.supply.sku import Sku

_FEW = 2_000
"""Units of a part of the queue that are read all at once, by the index of claims."""

_COLUMNS = (
    "line_id, order_id, queued_at, quantity, promise_date, tier_rank, needed_by, ship_complete, unit_value,"
    " claim_date, backed"
)
_KEPT = "backed AND claim_date BETWEEN $2::date AND least($3::date, $4::date)"
_OTHERS = "NOT (backed AND claim_date <= $4::date) AND claim_date BETWEEN $2::date AND $3::date"
_TIERS = """
    WITH RECURSIVE tier (rank) AS (
        SELECT min(tier_rank) FROM queue_entry WHERE sku = $1
        UNION ALL
        SELECT (SELECT min(tier_rank) FROM queue_entry WHERE sku = $1 AND tier_rank > tier.rank)
        FROM tier WHERE tier.rank IS NOT NULL
    )
    SELECT rank FROM tier WHERE rank IS NOT NULL
    """


def _part(condition: str, dated: str, order: str) -> str:
    return (
        f"SELECT '{order}' AS list, {_COLUMNS} FROM queue_entry"
        f" WHERE sku = $1 AND tier_rank = $5 AND {condition} {dated} ORDER BY {order}, line_id LIMIT $6::bigint"
    )


def _lists(condition: str) -> str:
    due = _part(condition, f"AND needed_by < '{NO_DATE}'", "needed_by, queued_at")
    return f"({due}) UNION ALL ({_part(condition, '', 'queued_at')})"


def _whole(condition: str) -> str:
    return f"SELECT '' AS list, {_COLUMNS} FROM queue_entry WHERE sku = $1 AND {condition}"


_SCAN = {condition: _lists(condition) for condition in (_KEPT, _OTHERS)}
_ALL_OF = {condition: _whole(condition) for condition in (_KEPT, _OTHERS)}
_EVERYTHING = f"SELECT '' AS list, {_COLUMNS} FROM queue_entry WHERE sku = $1"


_FIRST = datetime.min.replace(tzinfo=UTC)
_ONE_DAY = timedelta(days=1)


class Place(NamedTuple):
    """A place of the queue as its indexes have it: all that its order depends on."""

    line_id: str
    order_id: str
    queued_at: datetime
    quantity: int
    promise_date: date | None
    tier_rank: int
    needed_by: date
    ship_complete: bool
    unit_value: int
    claim_date: date
    backed: bool


PlacesInOrder = list[tuple[Key, Place]]


class _Part(NamedTuple):
    """What claims supply from the days ``first`` to ``last``: the promises among them that are ``kept`` first, or all
    others."""

    first: date
    last: date
    units: int
    kept: bool

    @property
    def condition(self) -> str:
        """In SQL, with the days as parameters, and the day through which promises are kept."""
        return _KEPT if self.kept else _OTHERS


def _parts(state: Sku, protection: Protection) -> list[_Part]:
    """A queue in neighbouring parts, the first served first: days whose promises are kept first, as many
    together as are few; then promises at risk anyway; then the rest."""
    found: list[_Part] = []
    at_risk = 0
    for day in sorted(state.counters.claimed):
        units, backed = state.counters.claimed[day]
        kept = backed if protection.is_kept(day, backed=True) else 0
        if protection.is_at_risk(day):
            at_risk += units - kept
        if kept and found and found[-1].units + kept <= _FEW:
            found[-1] = _Part(found[-1].first, day, found[-1].units + kept, kept=True)
        elif kept:
            found.append(_Part(day, day, kept, kept=True))
    if at_risk:
        found.append(_Part(date.min, protection.before - _ONE_DAY, at_risk, kept=False))
    rest = state.waiting_units - sum(one.units for one in found)
    return [*found, _Part(protection.before, date.max, rest, kept=False)]


async def load_unindexed_queue(
    conn: AsyncConnection, session: AllocationSession, sku: str, now: datetime, *, lines: int | None, reach: int
) -> None:
    """Enter the head of a queue: ``lines`` places of each list, or everything (None).

    Of what was read, each tier is entered only as far as ``reach`` units go if it gets them all; the
    session's queue says what was left out.
    """
    ranking = Ranking(session.skus[sku].policy, session.moment(sku)._replace(now=now))
    found, unread = await _read(conn, session.skus[sku], ranking, lines, reach)
    chosen, cut = within_reach(in_order(found, ranking), session.skus[sku].policy, reach)
    enter(session, await read_lines(conn, [place for _, place in chosen]))
    session.open_queue(sku, None, lines or len(chosen), [*unread, *cut])
    session.queues[sku].sorted_at = now


async def read_everything(conn: AsyncConnection, session: AllocationSession, sku: str) -> PlacesInOrder:
    """All places of a queue in the order they are served; touches no lines."""
    ranking = session.ranking(sku)
    return in_order(_places(await session_reads.fetch(conn, _EVERYTHING, sku)), ranking)


def in_order(places: Iterable[Place], ranking: Ranking) -> PlacesInOrder:
    """Places in the order in which the ranking serves them, each with its key."""
    key = ranking.key
    found = [(key(one), one) for one in places]
    found.sort()
    return found


def within_reach(in_order: PlacesInOrder, policy: Policy, units: int) -> tuple[PlacesInOrder, list[Unread]]:
    """Of each tier, what stands before the place that so many units cannot reach any more, even if all other
    tiers got nothing. Everything where that cannot be told: shares count all, quotas leave some out, and who
    is passed counts too."""
    if not policy.in_parts:
        return in_order, []
    asked: dict[int, int] = {}
    chosen: PlacesInOrder = []
    cut: dict[int, Unread] = {}
    for key, place in in_order:
        tier = place.tier_rank
        if asked.get(tier, 0) < units:
            chosen.append((key, place))
            if not place.ship_complete:
                asked[tier] = asked.get(tier, 0) + place.quantity
        elif tier in cut:
            cut[tier] = cut[tier]._replace(oldest=min(cut[tier].oldest, place.queued_at))
        else:
            cut[tier] = Unread(key, tier, place.queued_at)
    return chosen, list(cut.values())


async def _read(
    conn: AsyncConnection, state: Sku, ranking: Ranking, lines: int | None, reach: int
) -> tuple[Iterable[Place], list[Unread]]:
    if lines is None:
        return _places(await session_reads.fetch(conn, _EVERYTHING, state.sku)), []
    found: dict[tuple[str, datetime], Place] = {}
    unread: list[Unread] = []
    tiers: list[int] | None = None
    before, through = 0, ranking.protection.through
    for part in _parts(state, ranking.protection):
        if part.units <= 0:
            continue
        if before >= reach and part.kept:
            return found.values(), [*unread, Unread(ranking.key(_best(part, state.top_value)), 0, ranking.moment.now)]
        before += part.units
        if part.units <= _FEW:
            for place in _places(
                await session_reads.fetch(conn, _ALL_OF[part.condition], state.sku, part.first, part.last, through)
            ):
                found[place.line_id, place.queued_at] = place
            continue
        if tiers is None:
            tiers = [row[0] for row in await session_reads.fetch(conn, _TIERS, state.sku)]
        for tier in tiers:
            rows = await session_reads.fetch(
                conn, _SCAN[part.condition], state.sku, part.first, part.last, through, tier, lines
            )
            for place in _places(rows):
                found[place.line_id, place.queued_at] = place
            unread += _bounds(rows, lines, ranking, _best(part, state.top_value))
    return found.values(), unread


def _places(rows: Sequence[Any]) -> Iterable[Place]:
    return (Place(*tuple(row)[1:]) for row in rows)


def _best(part: _Part, top_value: int) -> Place:
    """A place that stands before all others of a part."""
    return Place("", "", _FIRST, 0, None, 0, date.min, False, top_value, part.first, part.kept)


def _bounds(rows: Sequence[Any], lines: int, ranking: Ranking, best: Place) -> list[Unread]:
    """The best that may stand behind where the lists of one tier stopped: among the dated, and among the rest."""
    by_due = [row for row in rows if row["list"] != "queued_at"]
    by_age = [row for row in rows if row["list"] == "queued_at"]
    if len(by_age) < lines:
        return []
    last = by_age[-1]
    best = best._replace(queued_at=last["queued_at"], tier_rank=last["tier_rank"], needed_by=NO_DATE)
    bounds = [Unread(ranking.key(best), best.tier_rank, best.queued_at)]
    if len(by_due) >= lines:
        dated = best._replace(needed_by=by_due[-1]["needed_by"])
        bounds.append(Unread(ranking.key(dated), best.tier_rank, best.queued_at))
    return bounds
