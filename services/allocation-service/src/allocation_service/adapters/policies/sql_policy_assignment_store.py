"""Who follows which policy, and whose queues are to be looked at again because that changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.policies.policy_choice import Target
from allocation_service.application.policies.policy_records import Assignment

_COLUMNS = "scope, target, policy, version, assigned_at, assigned_by"


_WANT = """
    INSERT INTO policy_review (sku)
    SELECT s.sku FROM sku AS s
    WHERE s.known AND s.waiting_units > 0 AND ({})
      AND EXISTS (SELECT FROM stock_level AS l
                  WHERE l.sku = s.sku AND l.active AND l.on_hand + l.shipped > l.granted)
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
    "DELETE FROM policy_review WHERE sku = ANY(ARRAY(SELECT sku FROM policy_review"
    " WHERE CAST(:only AS text[]) IS NULL OR sku = ANY (CAST(:only AS text[])) ORDER BY wanted_at, sku"
    " LIMIT :limit FOR UPDATE SKIP LOCKED)) RETURNING sku"
)
_DUE = text(
    "SELECT sku FROM policy_review WHERE sku <> ALL (CAST(:without AS text[])) ORDER BY wanted_at, sku LIMIT :limit"
)
_PENDING = text("SELECT sku FROM policy_review WHERE sku = ANY(CAST(:skus AS text[]))")


class SqlPolicyAssignmentStore:
    """Implements PolicyAssignmentStore on one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def read_assignment(self, target: Target, *, lock: bool = False) -> Assignment | None:
        """See PolicyAssignmentStore."""
        statement = text(
            f"SELECT {_COLUMNS} FROM policy_assignment WHERE scope = :scope AND target = :target"
            + (" FOR UPDATE" if lock else "")
        )
        row = (await self._conn.execute(statement, {"scope": target[0], "target": target[1]})).one_or_none()
        return Assignment(*row) if row else None

    async def list_assignments(
        self, after: Target, limit: int, *, policy: str | None = None, without: str = ""
    ) -> list[Assignment]:
        """See PolicyAssignmentStore."""
        statement = text(
            f"SELECT {_COLUMNS} FROM policy_assignment WHERE (scope, target) > (:scope, :target)"
            " AND (CAST(:policy AS text) IS NULL OR policy = :policy)"
            " AND scope <> :without ORDER BY scope, target LIMIT :limit"
        )
        values = {"scope": after[0], "target": after[1], "policy": policy, "limit": limit, "without": without}
        return [Assignment(*row) for row in (await self._conn.execute(statement, values)).all()]

    async def count_followers(self, names: Collection[str]) -> dict[str, int]:
        """See PolicyAssignmentStore."""
        statement = text(
            "SELECT policy, count(*) AS units FROM policy_assignment"
            " WHERE policy = ANY(CAST(:names AS text[])) GROUP BY 1"
        )
        return {row.policy: row.units for row in (await self._conn.execute(statement, {"names": list(names)})).all()}

    async def assign(self, target: Target, policy: str, by: str) -> Assignment:
        """See PolicyAssignmentStore."""
        statement = text(
            "INSERT INTO policy_assignment (scope, target, policy, assigned_by) VALUES (:scope, :target, :policy, :by)"
            " ON CONFLICT (scope, target) DO UPDATE SET policy = excluded.policy, version = excluded.version,"
            f" assigned_at = now(), assigned_by = excluded.assigned_by RETURNING {_COLUMNS}"
        )
        values = {"scope": target[0], "target": target[1], "policy": policy, "by": by}
        return Assignment(*(await self._conn.execute(statement, values)).one())

    async def unassign(self, target: Target) -> None:
        """See PolicyAssignmentStore."""
        statement = text("DELETE FROM policy_assignment WHERE scope = :scope AND target = :target")
        await self._conn.execute(statement, {"scope": target[0], "target": target[1]})

    async def category_of(self, sku: str) -> str | None:
        """See PolicyAssignmentStore."""
        found: str | None = (
            await self._conn.execute(text("SELECT category FROM sku WHERE sku = :sku"), {"sku": sku})
        ).scalar()
        return found

    async def want_review(self, *, policy: str = "", target: Target | None = None) -> None:
        """See PolicyAssignmentStore."""
        if target is None:
            await self._conn.execute(_OF_POLICY, {"policy": policy})
        else:
            await self._conn.execute(_OF_TARGET[target[0]], {"target": target[1]} if target[1] else {})

    async def note_windows(self, now: datetime) -> int:
        """See PolicyAssignmentStore."""
        names: list[str] = []
        for statement in (_BEGIN, _END):
            names += (await self._conn.execute(statement, {"now": now})).scalars()
        for name in sorted(set(names)):
            await self.want_review(policy=name)
        return len(names)

    async def windows_due(self, now: datetime) -> bool:
        """See PolicyAssignmentStore."""
        statement = text(
            "SELECT EXISTS (SELECT FROM policy_version WHERE status = 'active' AND NOT begun AND valid_from <= :now)"
            " OR EXISTS (SELECT FROM policy_version WHERE status = 'active' AND NOT ended AND valid_until <= :now)"
        )
        return bool((await self._conn.execute(statement, {"now": now})).scalar())

    async def reviews_due(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """See PolicyAssignmentStore."""
        return list((await self._conn.execute(_DUE, {"limit": limit, "without": list(without)})).scalars())

    async def take_reviews(self, limit: int, only: Collection[str] | None = None) -> list[str]:
        """See PolicyAssignmentStore."""
        values = {"limit": limit, "only": None if only is None else list(only)}
        return sorted((await self._conn.execute(_TAKE, values)).scalars())

    async def awaiting_review(self, skus: Sequence[str]) -> set[str]:
        """See PolicyAssignmentStore."""
        return set((await self._conn.execute(_PENDING, {"skus": list(skus)})).scalars())
