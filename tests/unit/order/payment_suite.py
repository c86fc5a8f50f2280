"""What the store of payments promises, in memory and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.order.scenarios import NOW, new_order
from tests.unit.order.suite import Stores, Suite

from order_service.application.payments.ports import Difference, PaymentKey, ProviderEvent, StoredPayment
from order_service.application.ports import PlacedOrder
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, HoldEnd
from order_service.domain.payments.disputes import Dispute, DisputeState
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Account, transfer
from order_service.domain.payments.summary import PaymentState, PaymentSummary
from order_service.domain.payments.terms import ChargeAt, Fee, PaymentTerms

_LATER = NOW + timedelta(hours=3)


def paid_order(order_id: str, reference: str | None = None) -> PlacedOrder:
    """A new order with a payment, whose id is p and the order's."""
    more = {"reference": reference} if reference else {}
    new = new_order(order_id, ("lamp", 3), payment_provider="stripe", **more)
    terms = PaymentTerms("KWD", ChargeAt.DEPOSIT, 33, True, (Fee("shipping", 490), Fee("gift", 5)))
    for line in new.order.lines.values():
        line.charged = 0
    return replace(new, payment=Payment(f"p{order_id}", order_id, "stripe", terms, "pm_1", NOW))


class PaymentSuite(Suite):
    """Tests of the store of payments."""

    async def lock_one(self, stores: Stores, order_id: str = "o1") -> StoredPayment:
        """The payment of an order as it is stored."""
        async with stores.units.begin() as uow:
            stored = await uow.payments.lock(PaymentKey(f"p{order_id}", order_id))
        assert stored is not None
        return stored

    async def test_an_order_is_stored_with_its_payment_which_is_due_at_once(self, stores: Stores) -> None:
        new = paid_order("o1")
        await stores.place(new, new_order("o2", ("lamp", 1)))
        assert (await self.load(stores, "o1")) == new.order
        stored = await self.lock_one(stores)
        assert stored == StoredPayment(new.payment, PaymentSummary(), NOW)  # type: ignore[arg-type]
        async with stores.units.begin() as uow:
            assert await uow.payments.key("po1") == PaymentKey("po1", "o1")
            assert await uow.payments.of_order("o1") == stored
            assert await uow.payments.of_order("o2") is None
            assert await uow.payments.find("nope") is None
            headers = await uow.lines.lock_orders(["o1", "o2"])
        assert {each.order_id: each.has_payment for each in headers.values()} == {"o1": True, "o2": False}

    async def test_an_order_that_is_left_out_leaves_no_payment(self, stores: Stores) -> None:
        await stores.place(paid_order("o1", "taken"))
        assert await stores.place(paid_order("o2", "taken")) == {"o2": "o1"}
        async with stores.units.begin() as uow:
            assert await uow.payments.of_order("o2") is None

    async def test_a_payment_comes_back_as_it_was_saved(self, stores: Stores) -> None:
        await stores.place(paid_order("o1"))
        stored = await self.lock_one(stores)
        payment = stored.payment
        payment.method, payment.version, payment.charged = "pm_2", 7, {"o1-0": 2, "fees": 1}
        payment.allocated = {"o1-0": ((NOW, 2), (_LATER, 1))}
        payment.conceded, payment.declines = 30, 2
        payment.grace_until = payment.retry_at = payment.refund_since = _LATER
        payment.attempts = [
            Attempt("a1", AttemptKind.HOLD, 500, NOW, {"o1-0": 2}, None, "pm_1", AttemptState.SUCCEEDED, "pi_1",
                    ends_at=_LATER, hold_end=HoldEnd.CAPTURED),
            Attempt("a2", AttemptKind.CAPTURE, 500, NOW, {"o1-0": 2}, "a1", None, AttemptState.UNKNOWN, looks=3,
                    look_at=_LATER, reason="why", action_url="https://bank.example"),
        ]  # fmt: skip
        payment.disputes = {"d1": Dispute("d1", "a1", 100, DisputeState.OPEN)}
        stored.summary = PaymentSummary(10, 20, 30, 40, 5, 3, _LATER, PaymentState.DISPUTED)
        stored.look_at, stored.refund_due_by = None, _LATER
        async with stores.units.begin() as uow:
            await uow.payments.save(stored, transfer("a1", Account.AUTHORISED, Account.HELD, 500))
            await uow.commit()
        assert await self.lock_one(stores) == stored

    async def test_an_attempt_may_follow_one_that_ends_at_the_same_time(self, stores: Stores) -> None:
        await stores.place(paid_order("o1"))
        stored = await self.lock_one(stores)
        stored.payment.attempts = [Attempt("a1", AttemptKind.CHARGE, 5, NOW)]
        for _ in range(2):
            async with stores.units.begin() as uow:
                await uow.payments.save(stored, ())
                await uow.commit()
            stored.payment.attempts[0].state = AttemptState.FAILED
            stored.payment.attempts.append(Attempt("a2", AttemptKind.CHARGE, 5, NOW))
        stored.payment.attempts.pop()
        assert [one.attempt_id for one in (await self.lock_one(stores)).payment.attempts] == ["a1", "a2"]

    async def test_payments_are_due_in_turn_and_again_when_their_order_is_touched(self, stores: Stores) -> None:
        for order_id, minutes in (("o1", 5), ("o2", 3), ("o3", 60)):
            await stores.place(paid_order(order_id))
            stored = await self.lock_one(stores, order_id)
            stored.look_at = NOW + timedelta(minutes=minutes)
            async with stores.units.begin() as uow:
                await uow.payments.save(stored, ())
                await uow.commit()
        at = NOW + timedelta(minutes=10)
        async with stores.units.begin() as uow:
            assert [key.order_id for key in await uow.payments.due(at, 9)] == ["o2", "o1"]
            assert [key.order_id for key in await uow.payments.due(at, 1)] == ["o2"]
            await uow.payments.postpone("po2", at)
            await uow.payments.touch(["o3", "o1", "nope"], NOW)
            assert [key.order_id for key in await uow.payments.due(at, 9)] == ["o1", "o3", "o2"]

    async def test_whatever_changes_an_order_has_its_payment_looked_at(self, stores: Stores) -> None:
        await stores.place(paid_order("o1"))
        for change in (self._change_order, self._change_lines):
            stored = await self.lock_one(stores)
            stored.look_at = None
            async with stores.units.begin() as uow:
                await uow.payments.save(stored, ())
                await uow.commit()
            await change(stores)
            assert (await self.lock_one(stores)).look_at == NOW

    async def _change_order(self, stores: Stores) -> None:
        order = await self.load(stores, "o1")
        order.version += 1
        await self.change(stores, order, "o1-0")

    async def _change_lines(self, stores: Stores) -> None:
        async with stores.units.begin() as uow:
            line = (await uow.lines.find(["o1-0"]))["o1-0"].line
        await self.save_lines(stores, line)

    async def test_refunds_are_counted_that_the_law_wants_sent_before_a_moment(self, stores: Stores) -> None:
        await stores.place(paid_order("o1"), paid_order("o2"), paid_order("o3"))
        for order_id, refund_due, hours in (("o1", 5, 1), ("o2", 5, 9), ("o3", 0, 1)):
            stored = await self.lock_one(stores, order_id)
            stored.summary = replace(stored.summary, refund_due=refund_due)
            stored.refund_due_by = NOW + timedelta(hours=hours)
            async with stores.units.begin() as uow:
                await uow.payments.save(stored, ())
                await uow.commit()
        async with stores.units.reading() as uow:
            assert await uow.payments.count_refunds_due(_LATER) == 1
            assert await uow.payments.count_refunds_due(NOW + timedelta(days=1)) == 2

    async def test_what_a_provider_tells_is_stored_once_and_handled_once(self, stores: Stores) -> None:
        event = ProviderEvent("stripe", "evt_1", "refund.failed", "re_1")
        async with stores.units.begin() as uow:
            assert await uow.payments.record_event(event, NOW)
            assert not await uow.payments.record_event(replace(event, object_id="other"), NOW)
            assert await uow.payments.record_event(replace(event, provider="other"), _LATER)
            assert await uow.payments.unhandled_events(1) == [event]
            await uow.payments.event_handled(event, NOW)
            assert await uow.payments.unhandled_events(9) == [replace(event, provider="other")]

    async def test_payments_are_found_by_what_the_provider_calls_an_attempt(self, stores: Stores) -> None:
        await stores.place(paid_order("o1"), paid_order("o2"))
        stored = await self.lock_one(stores)
        stored.payment.attempts = [Attempt("a1", AttemptKind.CHARGE, 5, NOW, reference="pi_1")]
        stores.clock.advance(timedelta(hours=1))
        async with stores.units.begin() as uow:
            await uow.payments.save(stored, ())
            assert await uow.payments.keys_by_reference(["pi_1", "pi_2"]) == [PaymentKey("po1", "o1")]
            assert await uow.payments.changed_since(NOW, 9) == [PaymentKey("po1", "o1"), PaymentKey("po2", "o2")]
            assert await uow.payments.changed_since(NOW, 9, "po1") == [PaymentKey("po2", "o2")]
            assert await uow.payments.changed_since(NOW + timedelta(minutes=1), 9) == [PaymentKey("po1", "o1")]

    async def test_differences_are_kept_once_a_day(self, stores: Stores) -> None:
        one = Difference("p1", "a1", {"amount": 5}, {"amount": None})
        async with stores.units.begin() as uow:
            await uow.payments.save_differences(NOW.date(), [one], NOW)
            await uow.payments.save_differences(NOW.date(), [replace(one, ours={})], NOW)
            await uow.payments.save_differences(_LATER.date() + timedelta(days=1), [], NOW)
            assert await uow.payments.differences(NOW.date()) == [one]
            assert await uow.payments.differences(NOW.date() + timedelta(days=1)) == []
