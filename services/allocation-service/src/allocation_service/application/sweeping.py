"""What happens with time alone: promises whose date passes, and the proof that no stock lies idle."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from allocation_service.application.book import Book, Origin
from allocation_service.application.case import Case
from allocation_service.application.facts import advance
from allocation_service.application.filling import give_to_waiters, settle_supply
from allocation_service.application.handler import Options, close, finish
from allocation_service.application.ports import Ledger
from allocation_service.domain import rules

PASSED = "the promised date passed"


async def renew_passed_promises(ledger: Ledger, options: Options, skus: Collection[str], now: datetime) -> Book:
    """Promise again what was promised for a day that is over."""
    book = await _locked(ledger, options, skus, now)
    for sku in book.skus:
        book.revisions[sku] = Origin(PASSED)
    await finish(ledger, book)
    return book


async def reconcile(ledger: Ledger, options: Options, skus: Collection[str], now: datetime) -> Book:
    """Serve waiters and take back shortfalls as any event would.

    ``missed`` of the book names the SKUs where that changed anything although no policy lets go of stock
    as time passes: something had been missed there.
    """
    book = await _locked(ledger, options, skus, now)
    for name, sku in book.skus.items():
        if await _settle(ledger, book, name, "Reconciled") and not sku.policy.guarded:
            book.missed.add(name)
    await finish(ledger, book)
    return book


async def follow_policies(ledger: Ledger, options: Options, skus: Collection[str], now: datetime) -> Book:
    """Serve the waiters of SKUs about which another policy decides now: it may let go of what was kept.

    Nothing that was decided is decided again (rule 16).
    """
    book = await _locked(ledger, options, skus, now)
    for name in book.skus:
        await _settle(ledger, book, name, "PolicyChanged")
    await finish(ledger, book)
    return book


async def _settle(ledger: Ledger, book: Book, name: str, cause: str) -> bool:
    """Whether anything was left to do about a SKU."""
    sku = book.skus[name]
    if sku.last_now is None:
        return False
    told = book.told + len(book.events)
    case = Case(book, Origin(cause), sku.last_now)
    case.freed.add(name)
    case.short.add(name)
    await settle_supply(case, ledger)
    case.renew_promises()
    close(case)
    return book.told + len(book.events) > told


async def rightly_idle(ledger: Ledger, options: Options, skus: Collection[str]) -> set[str]:
    """Those of the SKUs whose free stock is kept by their policies from all who wait for it, now and not only
    when something happens. Changes the store where it is not so: the caller rolls that back."""
    book = Book(grace_days=options.grace_days)
    await ledger.lock_skus(book, rules.lock_order(skus), ())
    kept = set()
    for name, sku in book.skus.items():
        if sku.policy.guarded and sku.last_now is not None:
            case = Case(book, Origin("Rehearsed"), sku.last_now)
            await give_to_waiters(case, ledger, {name})
            if not case.before:
                kept.add(name)
    return kept


async def _locked(ledger: Ledger, options: Options, skus: Collection[str], now: datetime) -> Book:
    book = Book(grace_days=options.grace_days)
    book.causes = dict.fromkeys(skus, now)
    await ledger.lock_skus(book, rules.lock_order(skus), ())
    for sku in book.skus.values():
        advance(sku, now)
        book.changed_skus.add(sku.sku)
    return book
