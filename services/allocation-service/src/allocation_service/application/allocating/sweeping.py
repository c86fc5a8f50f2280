"""What happens with time alone: promises whose date passes, and the proof that no stock lies idle."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from allocation_service.application.allocating.allocate_supply import allocate_supply, allocate_to_backorders
from allocation_service.application.session.allocation_session import AllocationSession, Origin
from allocation_service.application.session.apply_events import advance
from allocation_service.application.session.decision_builder import DecisionBuilder
from allocation_service.application.session.handle_events import Options, close, finish
from allocation_service.application.session.ports import AllocationStore
from allocation_service.domain import protocol_rules

PASSED = "the promised date passed"


async def renew_passed_promises(
    store: AllocationStore, options: Options, skus: Collection[str], now: datetime
) -> AllocationSession:
    """Promise again what was promised for a day that is over."""
    session = await _locked(store, options, skus, now)
    for sku in session.skus:
        session.revisions[sku] = Origin(PASSED)
    await finish(store, session)
    return session


async def reconcile(
    store: AllocationStore, options: Options, skus: Collection[str], now: datetime
) -> AllocationSession:
    """Serve waiters and take back shortfalls as any event would.

    ``missed`` of the session names the SKUs where that changed anything although no policy lets go of stock
    as time passes: something had been missed there.
    """
    session = await _locked(store, options, skus, now)
    for name, sku in session.skus.items():
        if await _settle(store, session, name, "Reconciled") and not sku.policy.guarded:
            session.missed.add(name)
    await finish(store, session)
    return session


async def follow_policies(
    store: AllocationStore, options: Options, skus: Collection[str], now: datetime
) -> AllocationSession:
    """Serve the waiters of SKUs about which another policy decides now: it may let go of what was kept.

    Nothing that was decided is decided again (rule 16).
    """
    session = await _locked(store, options, skus, now)
    for name in session.skus:
        await _settle(store, session, name, "PolicyChanged")
    await finish(store, session)
    return session


async def _settle(store: AllocationStore, session: AllocationSession, name: str, cause: str) -> bool:
    """Whether anything was left to do about a SKU."""
    sku = session.skus[name]
    if sku.last_now is None:
        return False
    told = session.told + len(session.events)
    builder = DecisionBuilder(session, Origin(cause), sku.last_now)
    builder.freed.add(name)
    builder.short.add(name)
    await allocate_supply(builder, store)
    builder.renew_promises()
    close(builder)
    return session.told + len(session.events) > told


async def rightly_idle(store: AllocationStore, options: Options, skus: Collection[str]) -> set[str]:
    """Those of the SKUs whose free stock is kept by their policies from all who wait for it, now and not only
    when something happens. Changes the store where it is not so: the caller rolls that back."""
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    await store.lock_skus(session, protocol_rules.lock_order(skus), ())
    kept = set()
    for name, sku in session.skus.items():
        if sku.policy.guarded and sku.last_now is not None:
            builder = DecisionBuilder(session, Origin("Rehearsed"), sku.last_now)
            await allocate_to_backorders(builder, store, {name})
            if not builder.before:
                kept.add(name)
    return kept


async def _locked(store: AllocationStore, options: Options, skus: Collection[str], now: datetime) -> AllocationSession:
    session = AllocationSession(grace_days=options.grace_days, wording=options.wording)
    session.causes = dict.fromkeys(skus, now)
    await store.lock_skus(session, protocol_rules.lock_order(skus), ())
    for sku in session.skus.values():
        advance(sku, now)
        session.changed_skus.add(sku.sku)
    return session
