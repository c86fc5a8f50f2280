"""What a unit of work and the stores of orders and contacts promise to the use cases.

Here the tests run on the stores in memory; ``tests/integration/notification/test_stores.py`` runs them on PostgreSQL.
Each takes the fixtures ``units`` and ``clock``, which stands at START.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.unit.notification.store_access import committed

from notification_service.application.ports.orders import SkuName
from notification_service.domain.lines import LineProjection, LineStatus
from notification_service.domain.messages import MessageDue
from notification_service.domain.orders import OrderProjection
from notification_service.domain.reasons import Reason

JUNE = date(2026, 6, 3)
MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def line(line_id: str = "l1", **fields: object) -> LineProjection:
    return replace(LineProjection("o1", line_id, "lamp", quantity=5), **fields)  # type: ignore[arg-type]


class TestUnitOfWork:
    async def test_nothing_is_stored_without_a_commit(self, units):
        async with units.begin() as uow:
            await uow.contacts.put("c1", "c1@example.com", "en", "UTC", uow.now)
        async with units.reading() as uow:
            assert await uow.queries.contact("c1") is None

    async def test_nothing_is_stored_after_an_error(self, units):
        with pytest.raises(RuntimeError, match="refused"):
            async with committed(units) as uow:
                await uow.contacts.put("c1", "c1@example.com", "en", "UTC", uow.now)
                raise RuntimeError("refused")
        async with units.reading() as uow:
            assert await uow.queries.contact("c1") is None

    async def test_now_is_the_clocks(self, units, clock):
        async with units.begin() as uow:
            assert uow.now == clock.now()

    async def test_callbacks_are_called_after_the_commit_only(self, units):
        called = []
        async with units.begin() as uow:
            uow.after_commit(lambda: called.append("rolled back"))
        async with committed(units) as uow:
            uow.after_commit(lambda: called.append("committed"))
            assert called == []
        assert called == ["committed"]


class TestContacts:
    async def test_a_contact_is_stored_with_its_times(self, units, clock):
        async with committed(units) as uow:
            stored = await uow.contacts.put("c1", "c1@example.com", "de-AT", "Europe/Vienna", uow.now)
        clock.advance(MINUTE)
        async with committed(units) as uow:
            replaced = await uow.contacts.put("c1", "new@example.com", "en", "UTC", uow.now)
            assert await uow.contacts.lock("c1") == replaced
        async with units.reading() as uow:
            assert await uow.queries.contact("c1") == replaced
        assert (stored.email, stored.locale, stored.time_zone) == ("c1@example.com", "de-AT", "Europe/Vienna")
        assert (stored.created_at, stored.updated_at) == (START, START)
        assert (replaced.email, replaced.created_at, replaced.updated_at) == ("new@example.com", START, clock.now())
        assert replaced.version > stored.version

    async def test_a_version_is_never_used_again(self, units):
        async with committed(units) as uow:
            old = await uow.contacts.put("c1", "c1@example.com", "en", "UTC", uow.now)
            await uow.contacts.delete("c1")
            assert await uow.contacts.lock("c1") is None
        async with committed(units) as uow:
            again = await uow.contacts.put("c1", "c1@example.com", "en", "UTC", uow.now)
        assert again.version > old.version

    async def test_known_contacts_are_those_that_exist(self, units):
        async with committed(units) as uow:
            await uow.contacts.put("c1", "c1@example.com", "en", "UTC", uow.now)
            assert await uow.contacts.known({"c1", "c2"}) == {"c1"}
            assert await uow.contacts.lock_known({"c1", "c2"}) == {"c1"}
            assert await uow.contacts.known(set()) == set()

    async def test_deleting_what_is_not_there_is_no_error(self, units):
        async with committed(units) as uow:
            await uow.contacts.delete("c1")


class TestOrders:
    async def test_locking_creates_missing_orders(self, units):
        async with committed(units) as uow:
            assert await uow.orders.lock({"o2", "o1"}) == {
                "o1": OrderProjection("o1"),
                "o2": OrderProjection("o2"),
            }

    async def test_an_order_is_stored_with_its_lines(self, units):
        order = OrderProjection(
            "o1",
            3,
            "R-1",
            "c1",
            "ada",
            START,
            MessageDue(START, START + MINUTE),
            "e1",
            {
                "l1": line(
                    cancelled=1,
                    shipped=1,
                    order_sequence=3,
                    line_version=2,
                    granted=2,
                    waiting=3,
                    declined=1,
                    reason=Reason("declined: expected …", "promised_too_late", {"acceptable": "2026-06-03"}),
                    promise_date=JUNE,
                    baseline=LineStatus(1, 2, 3, 4, JUNE),
                ),
                "l2": line("l2"),
            },
        )
        async with committed(units) as uow:
            await uow.orders.lock({"o1"})
            await uow.orders.save([order])
        async with committed(units) as uow:
            assert await uow.orders.lock({"o1"}) == {"o1": order}

    async def test_only_what_is_saved_is_stored(self, units):
        async with committed(units) as uow:
            order = (await uow.orders.lock({"o1"}))["o1"]
            order.reference = "R-1"
            order.lines["l1"] = line()
        async with committed(units) as uow:
            order = (await uow.orders.lock({"o1"}))["o1"]
            assert (order.reference, order.lines) == ("", {})
            order.lines["l1"] = line(granted=1)
            await uow.orders.save([order])
        async with committed(units) as uow:
            order = (await uow.orders.lock({"o1"}))["o1"]
            order.lines["l1"] = replace(order.lines["l1"], granted=2)
            await uow.orders.save([order])
        async with committed(units) as uow:
            assert (await uow.orders.lock({"o1"}))["o1"].lines["l1"].granted == 2

    async def test_due_orders_come_by_the_time_they_are_due(self, units, clock):
        due_at = {"o1": START + 2 * MINUTE, "o2": START + MINUTE, "o3": START + 3 * MINUTE, "o4": None}
        async with committed(units) as uow:
            orders = await uow.orders.lock(due_at)
            for order_id, at in due_at.items():
                orders[order_id].message_due = MessageDue(START, at) if at else None
            await uow.orders.save(orders.values())
        clock.advance(2 * MINUTE)
        async with committed(units) as uow:
            assert [order.order_id for order in await uow.orders.lock_due(clock.now(), 10)] == ["o2", "o1"]
            assert [order.order_id for order in await uow.orders.lock_due(clock.now(), 1)] == ["o2"]
            assert [order.order_id for order in await uow.orders.lock_due(clock.now(), 9, ["o1", "?"])] == ["o1"]
            assert await uow.orders.find_due(clock.now(), 10) == ["o2", "o1"]
            assert await uow.orders.find_due(clock.now(), 1) == ["o2"]
            assert await uow.orders.find_due(clock.now(), 10, ["o2"]) == ["o1"]

    async def test_sequences_count_from_one_for_each_order(self, units):
        async with committed(units) as uow:
            await uow.orders.lock({"o1", "o2"})
            assert await uow.orders.next_sequences(["o1", "o2", "o1"]) == [1, 1, 2]
        async with committed(units) as uow:
            assert await uow.orders.next_sequences(["o2", "o1"]) == [2, 3]

    async def test_a_sku_has_its_newest_name(self, units):
        async with committed(units) as uow:
            await uow.orders.save_sku_names({"lamp": SkuName(2, "Lamp"), "vase": SkuName(1, None)})
            await uow.orders.save_sku_names({"lamp": SkuName(1, "Old lamp")})
            assert await uow.orders.sku_names({"lamp", "vase", "none"}) == {"lamp": "Lamp"}
            await uow.orders.save_sku_names({"lamp": SkuName(3, None)})
            assert await uow.orders.sku_names({"lamp"}) == {}
            assert await uow.orders.sku_names(set()) == {}
