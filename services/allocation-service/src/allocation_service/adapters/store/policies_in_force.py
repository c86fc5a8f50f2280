"""Reading the policies that decide about SKUs: one statement for a whole batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.policies.policy_choice import AssignedPolicy, Choice, Target, choose
from allocation_service.application.policies.policy_records import parsed
from allocation_service.domain.supply.sku import Sku
from service_kit.persistence.statements import Statement

_ASSIGNED = Statement(
    """
    SELECT a.scope, a.target, v.name, v.version, v.document::text AS document, v.valid_from, v.valid_until
    FROM policy_assignment AS a JOIN policy_version AS v ON v.name = a.policy AND v.status = 'active'
    WHERE (a.scope = 'default' AND a.target = '')
       OR (a.scope = 'sku' AND a.target = ANY(CAST(:skus AS text[])))
       OR (a.scope = 'category' AND a.target = ANY(CAST(:categories AS text[])))
    """
)


async def load_policies(conn: AsyncConnection, skus: Collection[Sku], moments: Mapping[str, datetime]) -> None:
    """Give each SKU the policy that is in force at the business time of what is decided about it: the time of
    the cause, or that of the SKU's last decision where it is later."""
    categories = {sku.sku: sku.category for sku in skus}
    assigned = await _assigned(conn, categories)
    for sku in skus:
        moment = moments.get(sku.sku, sku.last_now)
        if moment is not None and sku.last_now is not None:
            moment = max(moment, sku.last_now)
        sku.policy = choose(assigned, sku.sku, sku.category, moment).policy


async def policy_of(conn: AsyncConnection, sku: str, category: str | None, now: datetime) -> Choice:
    """The policy that decides about a SKU now."""
    return choose(await _assigned(conn, {sku: category}), sku, category, now)


async def _assigned(conn: AsyncConnection, categories: Mapping[str, str | None]) -> dict[Target, list[AssignedPolicy]]:
    named = sorted({category for category in categories.values() if category is not None})
    found: dict[Target, list[AssignedPolicy]] = {}
    rows = await _ASSIGNED.within(conn, {"skus": list(categories), "categories": named})
    for scope, target, name, version, document, valid_from, valid_until in rows:
        candidate = AssignedPolicy(parsed(name, version, document), valid_from, valid_until)
        found.setdefault((scope, target), []).append(candidate)
    return found
