"""What a provider tells is a hint: signed, stored once, and only what the provider answers now counts."""

from __future__ import annotations

import pytest
from tests.unit.order.payments.paid_shop import PaidShop

from order_service.application.payments.errors import ForgedEvent, UnknownProvider
from order_service.application.payments.handle_provider_events import handle_provider_events, record_provider_event
from order_service.application.payments.ports import ProviderUnavailable, ReportedDispute
from order_service.application.payments.reconcile_payments import reconcile_payments
from order_service.domain.payments.attempts import AttemptKind, AttemptState
from order_service.domain.payments.disputes import DisputeState
from order_service.domain.payments.summary import PaymentState
from order_service.domain.payments.terms import ChargeAt


async def tell(shop: PaidShop, *words: str, signature: str = "signed") -> bool:
    """An event arrives: its id, its kind, and the object's id."""
    async with shop.units.begin() as uow:
        body, headers = " ".join(words).encode(), {"signature": signature}
        new = await record_provider_event(uow, shop.providers, "bank", headers, body)
        await uow.commit()
    return new


@pytest.fixture
def shop() -> PaidShop:
    return PaidShop()


async def test_the_object_is_fetched_whatever_the_event_says(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    shop.bank.card = "slow"
    await shop.work()
    [intent] = shop.bank.intents
    assert await tell(shop, "e1", "payment.failed", intent)
    await handle_provider_events(shop.units, shop.providers)
    assert shop.stored.payment.attempts[0].state is AttemptState.PENDING
    shop.bank.finish(shop.bank.intents[intent], well=True)
    assert await tell(shop, "e2", "payment.failed", intent)
    assert await handle_provider_events(shop.units, shop.providers) == 1
    assert shop.stored.payment.captured == 1000


async def test_an_event_is_stored_once_and_handled_once(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    assert await tell(shop, "e1", "payment.failed", "p1")
    assert not await tell(shop, "e1", "payment.failed", "p1")
    assert await handle_provider_events(shop.units, shop.providers) == 1
    assert await handle_provider_events(shop.units, shop.providers) == 0


async def test_what_is_not_signed_is_not_stored(shop: PaidShop):
    with pytest.raises(ForgedEvent):
        await tell(shop, "e1", "payment.failed", "p1", signature="forged")
    async with shop.units.begin() as uow:
        with pytest.raises(UnknownProvider):
            await record_provider_event(uow, shop.providers, "nobody", {}, b"")
    assert shop.units.state.payments.events == {}


async def test_an_event_waits_until_its_provider_can_be_asked(shop: PaidShop, monkeypatch: pytest.MonkeyPatch):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()
    await shop.cancel(1)
    await shop.work()
    [refund] = shop.bank.refunds
    await tell(shop, "e1", "refund.failed", refund)

    async def down(*_: object) -> None:
        raise ProviderUnavailable("down")

    with monkeypatch.context() as broken:
        broken.setattr(shop.provider, "fetch", down)
        assert await handle_provider_events(shop.units, shop.providers) == 0
    assert await handle_provider_events(shop.units, shop.providers) == 1


async def test_an_event_that_cannot_be_handled_stops_no_other(shop: PaidShop, monkeypatch: pytest.MonkeyPatch):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()

    async def broken(_: str) -> None:
        raise ValueError("a shape that nobody knows")

    monkeypatch.setattr(shop.provider, "dispute", broken)
    await tell(shop, "e1", "dispute.created", "d1")
    await tell(shop, "e2", "payment.succeeded", "p1")
    assert await handle_provider_events(shop.units, shop.providers) == 1
    async with shop.units.reading() as uow:
        assert [event.event_id for event in await uow.payments.unhandled_events(9)] == ["e1"]


async def test_a_refund_that_comes_back_is_made_again(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()
    await shop.cancel(1)
    await shop.work()
    [refund] = shop.bank.refunds.values()
    refund.status = "failed"
    await tell(shop, "e1", "refund.failed", refund.reference)
    await handle_provider_events(shop.units, shop.providers)
    assert (shop.stored.payment.net, shop.stored.summary.state) == (1000, PaymentState.REFUND_DUE)
    await shop.work()
    states = [one.state.value for one in shop.stored.payment.attempts if one.kind is AttemptKind.REFUND]
    assert (states, shop.stored.payment.net) == (["failed", "succeeded"], 0)


async def test_a_refund_that_the_provider_refuses_three_times_is_made_by_hand(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()
    shop.bank.refunds_are = "fail"
    await shop.cancel(1)
    await shop.work()
    assert (len(shop.bank.refunds), shop.stored.summary.state) == (3, PaymentState.MANUAL_REFUND)
    assert shop.stored.refund_due_by is not None


async def test_a_disputed_amount_is_not_refunded_until_it_is_won(shop: PaidShop, monkeypatch: pytest.MonkeyPatch):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()
    state = DisputeState.OPEN

    async def dispute(_: str) -> ReportedDispute:
        return ReportedDispute("d1", "p1", 1000, state)

    monkeypatch.setattr(shop.provider, "dispute", dispute)
    await tell(shop, "e1", "dispute.created", "d1")
    await handle_provider_events(shop.units, shop.providers)
    await shop.cancel(1)
    await shop.work()
    assert (shop.stored.payment.refunded, shop.stored.summary.state) == (0, PaymentState.DISPUTED)
    state = DisputeState.WON
    await tell(shop, "e2", "dispute.closed", "d1")
    await handle_provider_events(shop.units, shop.providers)
    await shop.work()
    assert (shop.stored.payment.refunded, shop.stored.payment.disputed) == (1000, 0)


async def test_a_difference_to_the_providers_books_is_listed_and_not_repaired(shop: PaidShop):
    await shop.place(1, ChargeAt.ORDER)
    await shop.work()
    assert await reconcile_payments(shop.units, shop.providers) == 0
    shop.bank.intents["p1"].status = "cancelled"
    assert await reconcile_payments(shop.units, shop.providers) == 1
    async with shop.units.reading() as uow:
        [difference] = await uow.payments.differences(shop.clock.now().date())
    assert (difference.ours["state"], difference.theirs["state"]) == ("succeeded", "cancelled")
    assert shop.stored.payment.net == 1000
