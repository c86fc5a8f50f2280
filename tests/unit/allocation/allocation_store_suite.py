"""What every implementation of allocation's store does with a session.

The suites of this folder are run on memory and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.scenario import START, Neighbours

from allocation_service.application.allocating.handle_events import handle_events
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.options import Options
from allocation_service.application.session.order import Order, OrderEventKind
from allocation_service.application.session.ports import AllocationStore
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.policies.policy import Policy, Quota
from allocation_service.domain.policies.policy_document import written_document
from allocation_service.domain.promising.line_promise import CountedUnits, LinePromise, PromiseCounters
from allocation_service.domain.promising.promise_dates import UNDATED, Expected
from allocation_service.domain.promising.promise_revision import Revision
from allocation_service.domain.reasons import Reason, ReasonCode
from allocation_service.domain.supply.sku import Inbound, Level
from allocation_service.wording.reason_words import published_words
from event_contracts import Event
from service_kit.commands.execute import execute

OPTIONS = Options(published_words)
TODAY = START.date()
REASON = Reason(ReasonCode.HELD_BACK, {"kept": 12, "tier": "gold", "or_better": True})


def days(number: int) -> date:
    """So many days after the day on which everything begins."""
    return TODAY + timedelta(days=number)


async def decide(units: Any, *events: Event) -> None:
    """A consumer's turn with these events."""
    await execute(units, handle_events, events, OPTIONS)


async def use(units: Any, policy: Policy) -> None:
    """Everything is decided by a policy from now on."""
    async with units.begin() as uow:
        await uow.policies.retire("default", None, "test")
        await uow.policies.write_active("default", written_document(policy), "test")
        await uow.commit()


async def locked(store: AllocationStore, *skus: str, po_lines: Sequence[str] = ()) -> AllocationSession:
    """A session that holds the locks of some SKUs."""
    session = AllocationSession(wording=published_words)
    await store.lock_skus(session, skus, po_lines)
    return session


async def keep(uow: Any, session: AllocationSession, *lock: str) -> None:
    """Store what changed in the session, for good."""
    prepared = uow.store.prepare(session, lock)
    session.mark_prepared()
    await uow.store.write_and_publish(prepared)
    await uow.commit()


def add_order(session: AllocationSession, order_id: str, **header: Any) -> Order:
    """A new order in a session, without lines."""
    header = {"basis": 1, "reference": order_id, "placed_at": START, "correlation_id": order_id, **header}
    order = session.orders[order_id] = Order(order_id, whole=True, changed=True, **header)
    return order


def add_line(session: AllocationSession, order: Order, sku: str, units: int, **more: Any) -> Line:
    """A new line of an order that waits in the queue of a SKU."""
    line_id = f"{order.order_id}-{len(order.lines) + 1}"
    line = Line(line_id, order.order_id, sku, quantity=units, version=1)
    session.add_line(line, joined=START)
    line.layers, line.live_units = [Entry(START, units)], units
    for name, value in more.items():
        setattr(line, name, value)
    session.update_counters(line)
    return line


class SessionSuite:
    """A session is read, changed and stored; a later one reads what was stored.

    The module of a subclass has a fixture ``units``, which opens units of work on empty stores, and an async fixture
    ``outbox``, which takes what they published.
    """

    async def test_skus_are_made_where_they_are_missing_and_entered_in_sorted_order(self, units: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "b", "a", "C")
            await uow.commit()
        assert list(session.skus) == ["C", "a", "b"]
        assert not any(sku.known for sku in session.skus.values())
        async with units.reading() as uow:
            assert sorted(await uow.store.peek_skus(["a", "b", "d"])) == ["a", "b"]

    async def test_what_is_not_committed_is_gone(self, units: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            add_line(session, add_order(session, "o1"), "A", 1)
            await uow.store.write_and_publish(uow.store.prepare(session, ()))
        async with units.reading() as uow:
            assert await uow.store.peek_skus(["A"]) == {}
            assert await uow.store.skus_of_orders(["o1"]) == set()

    async def test_a_sku_is_read_as_it_was_stored(self, units: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            sku = session.skus["A"]
            sku.known, sku.mode, sku.cap, sku.release_at = True, "preorder", 7, START + timedelta(days=9)
            sku.lead_time_days, sku.category, sku.policy_version, sku.last_now = 14, "garden", 3, START
            sku.top_value = 250
            sku.levels["HH"] = Level("HH", 5, 1, 2, 10, 4, changed=True)
            sku.inbound["po"] = Inbound("po", 6, START + timedelta(days=9), "S", "HH", 2, changed=True)
            session.unwritten.skus.add("A")
            await keep(uow, session)
        async with units.begin() as uow:
            again = (await locked(uow.store, "A")).skus["A"]
        expected = replace(sku, policy=again.policy)
        assert again == expected
        assert (again.policy.name, again.policy.version) == ("default", 1)
        async with units.reading() as uow:
            assert await uow.store.peek_skus(["A"]) == {"A": expected}

    async def test_inbound_of_which_nothing_remains_is_read_where_it_is_asked_for(self, units: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            session.skus["A"].inbound["po"] = Inbound("po", 0, None, "", "HH", 4, changed=True)
            await keep(uow, session)
        async with units.begin() as uow:
            assert (await locked(uow.store, "A")).skus["A"].inbound == {}
            named = await locked(uow.store, "A", po_lines=["po", "other"])
            assert named.skus["A"].inbound == {"po": Inbound("po", 0, None, "", "HH", 4)}

    async def test_an_order_is_read_whole_as_it_was_stored(self, units: Any) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A", "B")
            order = add_order(
                session, "o1", ship_complete=False, customer_id="c", tier="gold", tier_rank=1, channel="web",
                region="north", needed_by=days(3), latest_acceptable=days(30), preference="HH", decided_before=True,
                event_due=OrderEventKind.AMENDED, bypassed=2,
            )  # fmt: skip
            line = add_line(
                session, order, "A", 6, cancelled=1, declined=0, granted={"HH": 2}, shipped={"HH": 1}, granted_units=2,
                layers=[Entry(START, 3), Entry(START + timedelta(hours=1), 2)], live_units=5, reason=REASON,
                promise_date=days(9), promise_revision=2, promise_cause="OrderPlaced", unit_value=250,
                claim_date=days(7), backed=True,
            )  # fmt: skip
            other = add_line(session, order, "B", 4, undecided=4)
            await keep(uow, session)
        async with units.begin() as uow:
            assert await uow.store.skus_of_orders(["o1", "unknown"]) == {"A", "B"}
            again = await locked(uow.store, "A", "B")
            await uow.store.load_orders(again, ["o1", "unknown"])
        assert list(again.orders) == ["o1"]
        found = again.orders["o1"]
        assert replace(found, lines={}) == replace(order, lines={}, changed=False, stored=True)
        assert found.lines == {"o1-1": line, "o1-2": other}
        assert again.lines_of == {"A": {"o1-1"}, "B": {"o1-2"}}
        assert again.skus["A"].waiting_units == 3
        assert again.skus["A"].counters == PromiseCounters({days(9): CountedUnits(3, 3)}, {days(7): CountedUnits(3, 3)})
        assert (again.skus["B"].waiting_units, again.skus["B"].counters) == (0, PromiseCounters())

    async def test_what_the_session_has_of_an_order_is_newer_than_what_is_stored(self, units: Any) -> None:
        await self._two_wait(units)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, ["o1"])
            mine = session.orders["o1"]
            mine.lines["o1-1"].cancelled = 1
            await uow.store.load_orders(session, ["o1", "o2"])
        assert session.orders["o1"] is mine
        assert [session.lines[one].cancelled for one in ("o1-1", "o2-1")] == [1, 0]

    async def test_what_was_prepared_is_stored_as_it_was_then(self, units: Any) -> None:
        await self._two_wait(units)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, ["o1"])
            line = session.lines["o1-1"]
            session.touch(line)
            line.grant("HH", 1)
            session.move_grant(line, "HH", 1)
            session.update_counters(line)
            prepared = uow.store.prepare(session, ["o1"])
            session.mark_prepared()
            line.grant("HH", 1)
            session.skus["A"].waiting_units = 99
            await uow.store.write_and_publish(prepared)
            await uow.commit()
        async with units.begin() as uow:
            again = await locked(uow.store, "A")
            await uow.store.load_orders(again, ["o1"])
        assert again.lines["o1-1"].granted == {"HH": 1}
        assert (again.skus["A"].waiting_units, again.skus["A"].levels["HH"].granted) == (3, 1)

    async def test_units_that_were_all_taken_back_leave_no_grant_and_can_be_granted_again(self, units: Any) -> None:
        neighbours = Neighbours()
        await decide(units, neighbours.sku("A"), neighbours.stock("A", 3), neighbours.order("o1", ("A", 3))[1])
        await decide(units, neighbours.stock("A", -3))
        assert await self._granted(units, "o1") == {"o1-1": {}}
        await decide(units, neighbours.stock("A", 2))
        assert await self._granted(units, "o1") == {"o1-1": {"HH": 2}}

    async def test_orders_with_undecided_units_are_entered_whole(self, units: Any) -> None:
        neighbours = Neighbours()
        await decide(units, neighbours.sku("B"), neighbours.order("o1", ("A", 1), ("B", 1))[1])
        await decide(units, neighbours.order("o2", ("B", 1))[1], neighbours.order("o3", ("C", 1))[1])
        async with units.begin() as uow:
            session = await locked(uow.store, "A", "B")
            await uow.store.undecided_orders(session, ["A", "B"])
        assert {one: order.whole for one, order in session.orders.items()} == {"o1": True}
        assert sorted(session.lines) == ["o1-1", "o1-2"]

    async def test_how_often_an_order_was_passed_is_added_up_until_it_counts_anew(self, units: Any) -> None:
        await self._two_wait(units, ship_complete=True)
        for passes in (1, 2):
            async with units.begin() as uow:
                session = await locked(uow.store, "A")
                await uow.store.load_orders(session, ["o1"])
                session.orders["o1"].bypassed = 0
                for _ in range(passes):
                    session.note_passed(session.orders["o1"])
                await keep(uow, session)
        assert await self._bypassed(units, "o1") == 3
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, ["o1"])
            session.forget_passed(session.orders["o1"])
            session.note_passed(session.orders["o1"])
            await keep(uow, session)
        assert await self._bypassed(units, "o1") == 1

    async def test_who_ships_complete_and_is_overtaken_was_passed_no_more_often_than_the_limit(
        self, units: Any
    ) -> None:
        await use(units, Policy(bypass_limit=2))
        await self._two_wait(units, ship_complete=True)
        for _ in range(3):
            async with units.begin() as uow:
                session = await locked(uow.store, "A")
                session.unwritten.overtaken.add("A")
                await keep(uow, session)
        assert await self._bypassed(units, "o1") == 2
        async with units.begin() as uow:
            assert (await locked(uow.store, "A")).skus["A"].kept_for == {"o1": 3, "o2": 1}

    async def test_what_quotas_gave_is_read_back_and_cleared(self, units: Any) -> None:
        await use(units, Policy(quotas=(Quota("channel", "web", 5), Quota("region", "north", 5))))
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            session.skus["A"].quota_used = {("channel", "web"): 3, ("region", "north"): 1}
            session.unwritten.quotas_used = {("A", ("channel", "web")), ("A", ("region", "north"))}
            await keep(uow, session)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            assert session.skus["A"].quota_used == {("channel", "web"): 3, ("region", "north"): 1}
            session.clear_quotas("A")
            await keep(uow, session)
        async with units.begin() as uow:
            assert (await locked(uow.store, "A")).skus["A"].quota_used == {}

    async def test_a_decision_and_its_steps_are_stored_once(self, units: Any) -> None:
        record = DecisionRecord("d1", "cause", "Test", START, [{"kind": "release"}], skus={"A"})
        for commits in (True, False):
            async with units.begin() as uow:
                session = await locked(uow.store, "A")
                session.unwritten.decisions.append(record)
                prepared = uow.store.prepare(session, ())
                failed = False
                try:
                    await uow.store.write_and_publish(prepared)
                except Exception:
                    failed = True
                if commits:
                    await uow.commit()
            assert failed is not commits

    async def test_a_revision_moves_promises_and_their_counters(self, units: Any) -> None:
        await self._two_wait(units, promise_date=days(2), backed=True)
        expected = (Expected(TODAY, 0), Expected(days(5), 3))
        revision = Revision("A", expected, START, 14, None, "InboundRescheduled", "d1", "cause")
        async with units.begin() as uow:
            await locked(uow.store, "A")
            moved = {one.line_id: one for one in await uow.store.revise_promises(revision)}
            await uow.commit()
        assert {one: line.promise_date for one, line in moved.items()} == {"o1-1": days(5), "o2-1": days(14)}
        first = moved["o1-1"]
        assert (first.order_id, first.sku, first.line_version, first.waiting) == ("o1", "A", 2, 3)
        assert (first.promise_revision, first.basis, first.correlation_id) == (1, 1, "o1")
        assert (first.allocated, first.declined, first.reason) == ({}, 0, None)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, ["o1"])
            again = await uow.store.revise_promises(revision._replace(decision_id="d2"))
        assert again == []
        assert session.skus["A"].counters == PromiseCounters(
            {days(5): CountedUnits(3, 3), days(14): CountedUnits(1, 0)}, {days(2): CountedUnits(4, 3)}
        )
        line = session.lines["o1-1"]
        assert (line.promise_date, line.promise_cause, line.version) == (days(5), "InboundRescheduled", 2)

    async def test_what_backs_a_promise_changes_without_a_word_to_the_customer(self, units: Any) -> None:
        await self._two_wait(units, promise_date=days(9))
        expected = (Expected(TODAY, 0), Expected(days(5), 3))
        revision = Revision("A", expected, START, 14, None, "InboundScheduled", "d1", "cause")
        async with units.begin() as uow:
            await locked(uow.store, "A", "B")
            assert await uow.store.first_unbacked(["A", "B"]) == {"A": 3}
            assert await uow.store.revise_promises(revision) == []
            assert await uow.store.first_unbacked(["A"]) == {"A": 1}
            await uow.commit()
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, ["o1"])
        line = session.lines["o1-1"]
        assert (line.promise, line.version) == (LinePromise(days(9), days(5), backed=True), 1)
        assert session.skus["A"].counters == PromiseCounters(
            {days(9): CountedUnits(4, 3)}, {days(5): CountedUnits(3, 3), days(9): CountedUnits(1, 0)}
        )

    async def _two_wait(
        self, units: Any, *, promise_date: date | None = None, backed: bool = False, **header: Any
    ) -> None:
        """o1 waits for three units of A, then o2 for one."""
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            session.skus["A"].last_now = START
            for order_id, quantity in (("o1", 3), ("o2", 1)):
                add_line(
                    session, add_order(session, order_id, **header), "A", quantity, promise_date=promise_date,
                    claim_date=promise_date or UNDATED, backed=backed,
                )  # fmt: skip
            await keep(uow, session)

    async def _granted(self, units: Any, order_id: str) -> dict[str, dict[str, int]]:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, [order_id])
        return {line_id: line.granted for line_id, line in session.orders[order_id].lines.items()}

    async def _bypassed(self, units: Any, order_id: str) -> int:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_orders(session, [order_id])
        return session.orders[order_id].bypassed
