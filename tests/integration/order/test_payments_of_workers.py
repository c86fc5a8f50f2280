"""Several workers at the same payments, on PostgreSQL: each attempt is made once, and a crash leaves it to the next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.integration.order.test_stores import SqlStores
from tests.unit.order.payment_suite import paid_order
from tests.unit.order.payments.bank_provider import BankProvider
from tests.unit.order.payments.model_bank import Bank

from order_service.application.payments.advance_payments import LEASE, advance_payments
from order_service.application.payments.ports import PaymentKey, StoredPayment
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, Outcome
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.terms import ChargeAt, PaymentTerms
from service_kit.testing.fixtures import ServiceDatabase

pytestmark = pytest.mark.postgres


class SlowBank(BankProvider):
    """A bank whose responses take a while, so that others come meanwhile. ``dies`` before the next response."""

    dies = False

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        outcome = await super().submit(payment, attempt)
        await asyncio.sleep(0)
        if self.dies:
            self.dies = False
            raise KeyboardInterrupt
        return outcome


@pytest_asyncio.fixture(loop_scope="session")
async def stores(service_database: ServiceDatabase) -> SqlStores:
    return SqlStores(await service_database("order_service"))


def bank_of(stores: SqlStores) -> SlowBank:
    return SlowBank(Bank(stores.clock.now()), stores.clock)


async def place(stores: SqlStores, *order_ids: str) -> None:
    """Orders of three lamps at 10.00, of which allocation lets all wait, to be charged at once."""
    for order_id in order_ids:
        new = paid_order(order_id)
        assert new.payment is not None
        for line in new.order.lines.values():
            line.unit_price = 1000
        payment = replace(new.payment, provider="bank", terms=PaymentTerms("EUR", ChargeAt.ORDER))
        await stores.place(replace(new, payment=payment))
    async with stores.units.begin() as uow:
        await uow.connection.execute(text("UPDATE order_line SET waiting = quantity"))
        await uow.commit()


async def stored(stores: SqlStores, order_id: str) -> StoredPayment:
    async with stores.units.reading() as uow:
        found = await uow.payments.of_order(order_id)
    assert found is not None
    return found


async def test_workers_that_come_together_make_each_attempt_once(stores: SqlStores):
    bank = bank_of(stores)
    await place(stores, "o1", "o2", "o3")
    for _ in range(2):
        await asyncio.gather(*(advance_payments(stores.units, {"bank": bank}) for _ in range(4)))
    assert (len(bank.bank.intents), bank.bank.net) == (3, 9000)
    for order_id in ("o1", "o2", "o3"):
        payment = (await stored(stores, order_id)).payment
        assert [one.state for one in payment.attempts] == [AttemptState.SUCCEEDED]


async def test_a_worker_that_dies_with_the_response_leaves_the_attempt_to_the_next(stores: SqlStores):
    bank = bank_of(stores)
    await place(stores, "o1")
    bank.dies = True
    with pytest.raises(KeyboardInterrupt):
        await advance_payments(stores.units, {"bank": bank})
    [attempt] = (await stored(stores, "o1")).payment.attempts
    assert (attempt.state, bank.bank.net) == (AttemptState.STORED, 3000)
    await advance_payments(stores.units, {"bank": bank})
    assert (await stored(stores, "o1")).payment.attempts[0].state is AttemptState.STORED
    stores.clock.advance(LEASE + timedelta(seconds=1))
    await advance_payments(stores.units, {"bank": bank})
    assert ((await stored(stores, "o1")).payment.net, bank.bank.net) == (3000, 3000)


async def test_the_database_refuses_a_second_open_attempt(stores: SqlStores):
    await place(stores, "o1")
    one = await stored(stores, "o1")
    one.payment.attempts = [Attempt(name, AttemptKind.CHARGE, 5, stores.clock.now()) for name in ("a1", "a2")]
    with pytest.raises(IntegrityError, match="payment_attempt_open"):
        async with stores.units.begin() as uow:
            await uow.payments.save(one, ())


async def test_what_was_asked_of_the_provider_is_never_rewritten(stores: SqlStores):
    await place(stores, "o1")
    one = await stored(stores, "o1")
    one.payment.attempts = [Attempt("a1", AttemptKind.CHARGE, 5, stores.clock.now(), {"o1-0": 1})]
    for amount in (5, 9):
        one.payment.attempts[0].amount = amount
        async with stores.units.begin() as uow:
            await uow.payments.save(one, ())
            await uow.commit()
    assert (await stored(stores, "o1")).payment.attempts[0].amount == 5


async def test_a_payment_is_found_by_an_index_when_it_is_due(stores: SqlStores):
    async with stores.units.begin() as uow:
        await uow.connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await uow.connection.execute(
            text("EXPLAIN SELECT payment_id FROM payment WHERE look_at <= now() ORDER BY look_at, payment_id LIMIT 50")
        )
        assert "payment_look_at" in " ".join(row[0] for row in plan)
        assert await uow.payments.lock(PaymentKey("p", "o")) is None
