"""Who follows which policy, and whose queues are to be looked at again because that changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.policies.policy_choice import Target

_COLUMNS = "scope, target, policy, version, assigned_at, assigned_by"


class Assignment(NamedTuple):
    """``version`` is used once in the whole table: an assignment that was dropped and made again has another."""

    scope: str
    target: str
    policy: str
    version: int
    assigned_at: datetime
    assigned_by: str


async def read_assignment(conn: AsyncConnection, target: Target, *, lock: bool = False) -> Assignment | None:
    """The assignment of a SKU, a category or the default itself; not what it inherits."""
    statement = text(
        f"SELECT {_COLUMNS} FROM policy_assignment WHERE scope = :scope AND target = :target"
        + (" FOR UPDATE" if lock else "")
    )
    row = (await conn.execute(statement, {"scope": target[0], "target": target[1]})).one_or_none()
    return Assignment(*row) if row else None


async def list_assignments(
    conn: AsyncConnection, after: Target, limit: int, *, policy: str | None = None, without: str = ""
) -> list[Assignment]:
    """Assignments by scope and target, all or those of one policy; ``without`` leaves a scope out."""
    statement = text(
        f"SELECT {_COLUMNS} FROM policy_assignment WHERE (scope, target) > (:scope, :target)"
        " AND (CAST(:policy AS text) IS NULL OR policy = :policy)"
        " AND scope <> :without ORDER BY scope, target LIMIT :limit"
    )
    values = {"scope": after[0], "target": after[1], "policy": policy, "limit": limit, "without": without}
    return [Assignment(*row) for row in (await conn.execute(statement, values)).all()]


async def count_followers(conn: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    """How many assignments each of these policies has."""
    statement = text(
        "SELECT policy, count(*) AS units FROM policy_assignment WHERE policy = ANY(CAST(:names AS text[])) GROUP BY 1"
    )
    return {row.policy: row.units for row in (await conn.execute(statement, {"names": list(names)})).all()}


async def assign(conn: AsyncConnection, target: Target, policy: str, by: str) -> Assignment:
    """Let a target follow a policy from now on."""
    statement = text(
        "INSERT INTO policy_assignment (scope, target, policy, assigned_by) VALUES (:scope, :target, :policy, :by)"
        " ON CONFLICT (scope, target) DO UPDATE SET policy = excluded.policy, version = excluded.version,"
        f" assigned_at = now(), assigned_by = excluded.assigned_by RETURNING {_COLUMNS}"
    )
    values = {"scope": target[0], "target": target[1], "policy": policy, "by": by}
    return Assignment(*(await conn.execute(statement, values)).one())


async def unassign(conn: AsyncConnection, target: Target) -> None:
    """Let a target follow the next wider scope from now on."""
    statement = text("DELETE FROM policy_assignment WHERE scope = :scope AND target = :target")
    await conn.execute(statement, {"scope": target[0], "target": target[1]})


async def category_of(conn: AsyncConnection, sku: str) -> str | None:
    """The category of a SKU, None where it has none or is not known."""
    found: str | None = (await conn.execute(text("SELECT category FROM sku WHERE sku = :sku"), {"sku": sku})).scalar()
    return found


# -- queues to look at again ----------------------------------------------------------------------

_WANT = """
    INSERT INTO policy_review (sku)
    SELECT s.sku FROM sku AS s
    WHERE s.known AND s.waiting_units > 0 AND ({})
      AND EXISTS (SELECT FROM stock_level AS l WHERE l.sku = s.sku AND l.on_hand + l.shipped > l.granted)
    ORDER BY s.sku
    ON CONFLICT (sku) DO UPDATE SET wanted_at = now()
"""
# DO UPDATE and not DO NOTHING: it waits for a review that is under way, which may not see this change.
_OF_POLICY = text(
    _WANT.format(
        "EXISTS (SELECT FROM policy_assignment AS a WHERE a.policy = :policy AND"
        " (a.scope = 'default' OR (a.scope = 'category' AND a.target = s.category)"
        " OR (a.scope = 'sku' AND a.target = s.sku)))"
    )
)
_OF_TARGET = {
    "default": text(_WANT.format("true")),
    "category": text(_WANT.format("s.category = :target")),
    "sku": text(_WANT.format("s.sku = :target")),
}
_BEGIN = text(
    "UPDATE policy_version SET begun = true WHERE status = 'active' AND NOT begun AND valid_from <= :now RETURNING name"
)
_END = text(
    "UPDATE policy_version SET ended = true"
    " WHERE status = 'active' AND NOT ended AND valid_until <= :now RETURNING name"
)
_TAKE = text(
    "DELETE FROM policy_review WHERE sku = ANY(ARRAY(SELECT sku FROM policy_review ORDER BY wanted_at, sku"
    " LIMIT :limit FOR UPDATE SKIP LOCKED)) RETURNING sku"
)
_PENDING = text("SELECT sku FROM policy_review WHERE sku = ANY(CAST(:skus AS text[]))")


async def want_review(conn: AsyncConnection, *, policy: str = "", target: Target | None = None) -> None:
    """Have the queues looked at that a policy, or an assignment, decides about and that stand before free stock.

    What one policy kept, another may hand out. Queues that wait for stock need no look: it will come.
    """
    if target is None:
        await conn.execute(_OF_POLICY, {"policy": policy})
    else:
        await conn.execute(_OF_TARGET[target[0]], {"target": target[1]} if target[1] else {})


async def note_windows(conn: AsyncConnection, now: datetime) -> int:
    """Have the queues looked at whose policies' windows began or ended; how many did."""
    names: list[str] = []
    for statement in (_BEGIN, _END):
        names += (await conn.execute(statement, {"now": now})).scalars()
    for name in sorted(set(names)):
        await want_review(conn, policy=name)
    return len(names)


async def windows_due(conn: AsyncConnection, now: datetime) -> bool:
    """Whether some window began or ended and nobody has taken note of it."""
    statement = text(
        "SELECT EXISTS (SELECT FROM policy_version WHERE status = 'active' AND NOT begun AND valid_from <= :now)"
        " OR EXISTS (SELECT FROM policy_version WHERE status = 'active' AND NOT ended AND valid_until <= :now)"
    )
    return bool((await conn.execute(statement, {"now": now})).scalar())


async def take_reviews(conn: AsyncConnection, limit: int) -> list[str]:
    """SKUs whose queues are to be looked at, in this transaction and by nobody else."""
    return sorted((await conn.execute(_TAKE, {"limit": limit})).scalars())


async def awaiting_review(conn: AsyncConnection, skus: Sequence[str]) -> set[str]:
    """Those of the SKUs whose queues are still to be looked at."""
    return set((await conn.execute(_PENDING, {"skus": list(skus)})).scalars())
