"""What `PromiseStore` promises, for stores in memory and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.unit.order.scenarios import NOW, new_order
from tests.unit.order.suite import Stores, Suite

from order_service.application.promises.promise_store import OwnedOffer, RecordedLine, RefundRight
from order_service.domain.promises.records import (
    Basis,
    Choice,
    Offer,
    OfferedLine,
    OfferKind,
    OfferState,
    PromiseRecord,
    Reply,
    SilenceMeans,
)
from order_service.domain.promises.verdict import CancellationCause

DAY, HOUR = date(2026, 1, 20), timedelta(hours=1)


def told(line_id: str, revision: int, day: date | None = DAY) -> PromiseRecord:
    """A record of a line."""
    return PromiseRecord(line_id, revision, Basis.PROMISED, day, "Europe/Berlin", NOW, "OrderPlaced", revision, 0.95, 7)


def offered(offer_id: str, number: int = 1, hours: int = 1) -> Offer:
    """An offer about both lines of order o1, whose notice is due in so many hours."""
    lines = (OfferedLine("o1-0", DAY, None), OfferedLine("o1-1", None, DAY))
    by = NOW + hours * HOUR
    return Offer(
        offer_id, number, OfferKind.DELAY, lines, SilenceMeans.CANCELLATION, NOW, notice_by=by, respond_by=by + HOUR
    )


class PromiseStoreSuite(Suite):
    """Tests of the store of the legal record."""

    async def test_records_are_kept_by_line_and_revision_and_never_written_twice(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 1), ("bulb", 1)), new_order("o2", ("lamp", 1)))
        first, second, other = told("o1-0", 1), told("o1-0", 2, None), told("o1-1", 1)
        async with stores.units.begin() as uow:
            await uow.promises.add_records([RecordedLine("o1", one) for one in (other, second, first)])
            await uow.commit()
        async with stores.units.reading() as uow:
            assert await uow.promises.records_of_lines(["o1-0", "nobody"]) == {"o1-0": [first, second]}
            expected = {"o1": [first, second, other], "o2": []}
            assert await uow.promises.records_of_orders(["o1", "o2"]) == expected
        with pytest.raises(Exception, match=r"recorded already|duplicate key"):
            async with stores.units.begin() as uow:
                await uow.promises.add_records([RecordedLine("o1", first)])

    async def test_an_offer_is_kept_with_its_newest_reply(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 1), ("bulb", 1)))
        made = offered("f1")
        waits = replace(made, reply=Reply(Choice.GRANT_UNTIL, NOW, DAY, "page"), state=OfferState.CONSENTED, version=2)
        ended = replace(waits, reply=Reply(Choice.CANCEL, NOW + HOUR), state=OfferState.REFUSED, version=3)
        sent = replace(made, sent_at=NOW, notification_id="n1", content_hash="0" * 64, state=OfferState.SENT)
        for state in (made, sent, waits, waits, ended):
            async with stores.units.begin() as uow:
                await uow.promises.save_offers([OwnedOffer("o1", state)])
                await uow.commit()
            async with stores.units.reading() as uow:
                assert await uow.promises.offers_of_orders(["o1"]) == {"o1": [state]}
                assert await uow.promises.orders_of_offers(["f1", "nobody"]) == {"f1": "o1"}

    async def test_open_offers_are_listed_by_what_is_due_first(self, stores: Stores) -> None:
        await stores.place(new_order("o1", ("lamp", 1), ("bulb", 1), customer_id="c1"))
        late, soon = offered("f1", 1, 5), offered("f2", 2, 1)
        answered = replace(offered("f3", 3, 1), reply=Reply(Choice.WAIT, NOW), state=OfferState.CONSENTED)
        sent = replace(offered("f4", 4, 2), sent_at=NOW, state=OfferState.SENT)
        async with stores.units.begin() as uow:
            await uow.promises.save_offers([OwnedOffer("o1", one) for one in (late, soon, answered, sent)])
            await uow.commit()
        async with stores.units.reading() as uow:
            found = await uow.promises.offers_due(NOW + 6 * HOUR, None, after=None, limit=9)
            assert [one.offer.offer_id for one in found] == ["f2", "f4", "f1"]
            assert await uow.promises.offers_due(NOW + HOUR, None, after=None, limit=9) == []
            assert await uow.promises.offers_due(NOW + 6 * HOUR, "c2", after=None, limit=9) == []
            assert len(await uow.promises.offers_due(NOW + 6 * HOUR, "c1", after=None, limit=2)) == 2
            assert [await uow.promises.count_unsent(NOW + hours * HOUR) for hours in (0, 1, 5)] == [0, 1, 2]

    async def test_deadlines_are_hints_of_which_the_earliest_stays_until_they_are_set(self, stores: Stores) -> None:
        async with stores.units.begin() as uow:
            await uow.promises.hint_deadlines("law", {"o1": NOW, "o2": NOW + 2 * HOUR, "o3": NOW})
            await uow.promises.hint_deadlines("law", {"o1": NOW + HOUR, "o2": NOW + HOUR})
            await uow.promises.hint_deadlines("money", {"o4": NOW})
            await uow.promises.hint_deadlines("law", {})
            await uow.commit()
        async with stores.units.begin() as uow:
            assert await uow.promises.refs_due("law", NOW - HOUR, (), 9) == []
            assert set(await uow.promises.refs_due("law", NOW, (), 9)) == {"o1", "o3"}
            assert list(await uow.promises.refs_due("law", NOW + HOUR, ("o1", "o3"), 9)) == ["o2"]
            assert len(await uow.promises.refs_due("law", NOW + HOUR, (), 1)) == 1
            await uow.promises.set_deadlines("law", {"o1": NOW + 3 * HOUR, "o3": None, "o9": None})
            await uow.commit()
        async with stores.units.reading() as uow:
            assert list(await uow.promises.refs_due("law", NOW + 3 * HOUR, (), 9)) == ["o2", "o1"]

    async def test_rights_to_refunds_are_kept_in_their_order(self, stores: Stores) -> None:
        cause = CancellationCause.CUSTOMER
        rights = [RefundRight(f"r{n}", "o1", "o1-0", n, cause, DAY, NOW + HOUR, n == 2, "f1") for n in (2, 1)]
        async with stores.units.begin() as uow:
            await uow.promises.add_refunds(rights)
            await uow.commit()
        async with stores.units.reading() as uow:
            assert list(await uow.promises.refunds_of_order("o1")) == rights[::-1]
            assert list(await uow.promises.refunds_of_order("o2")) == []
