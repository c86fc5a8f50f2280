"""Which free stock policies keep from everybody who waits for it."""

from __future__ import annotations

from collections.abc import Collection

from allocation_service.application.allocating.allocate_supply import allocate_to_backorders
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.options import Options
from allocation_service.application.session.session_records import Origin
from allocation_service.application.unit_of_work import Units
from allocation_service.domain import protocol_rules


async def find_kept_stock(
    units: Units, options: Options, skus: Collection[str], *, kept_by_policy_only: Collection[str] = ()
) -> set[str]:
    """Those of the SKUs whose free stock is kept by their policies from all who wait for it, or for promises. For those
    of ``kept_by_policy_only`` no promise keeps any: no order that ships complete waits for them.

    Asks the real allocation what it would do now, in a unit of work that is never committed.
    """
    async with units.begin() as uow:
        session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
        await uow.store.lock_skus(session, protocol_rules.lock_order(skus), ())
        kept = set()
        for name, sku in session.skus.items():
            for_promises = sku.policy.protect_promises and name not in kept_by_policy_only
            if (sku.policy.guarded or for_promises) and sku.last_now is not None:
                builder = DecisionBuilder(session, Origin("Rehearsed"), sku.last_now)
                await allocate_to_backorders(builder, uow.store, {name})
                # An order of several SKUs may have been served when another of them was asked about.
                if not any(session.lines[line].sku == name for line in session.unwritten.lines_as_stored):
                    kept.add(name)
        return kept
