"""What every implementation of allocation's stores of policies and assignments does, and of what loops look for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import START, Neighbours
from tests.unit.allocation.allocation_store_suite import days, decide, locked, use

from allocation_service.application.maintenance.maintenance_records import Backlog
from allocation_service.application.policies.policy_choice import DEFAULT, Scope, Target
from allocation_service.application.policies.policy_records import Window
from allocation_service.domain.policies.policy import Policy, Quota, Sort
from allocation_service.domain.policies.policy_document import written_document

FIFO, PRIORITY = written_document(Policy()), written_document(Policy(sort=Sort.PRIORITY))
GARDEN: Target = (Scope.CATEGORY, "garden")
KEEPING = Policy(quotas=(Quota("channel", "web", 0),))
"""Keeps everything from who orders on the web."""


class PolicySuite:
    """Policies, versions and who follows them. For the fixture see SessionSuite."""

    async def test_a_new_installation_has_a_default(self, units: Any) -> None:
        async with units.reading() as uow:
            assert await uow.policies.read_revision("default") == 1
            (version,) = await uow.policies.read_versions("default")
            assert (version.version, version.status, version.policy) == (1, "active", Policy("default", 1))
            assigned = await uow.assignments.read_assignment(DEFAULT)
            assert (assigned.scope, assigned.target, assigned.policy) == ("default", "", "default")
            assert await uow.policies.read_revision("other") is None
            assert await uow.policies.read_versions("other") == []

    async def test_a_name_is_used_once_and_every_change_raises_its_revision(self, units: Any) -> None:
        async with units.begin() as uow:
            assert await uow.policies.create_policy("p")
            assert not await uow.policies.create_policy("p")
            assert await uow.policies.raise_revision("p") == 2
            assert await uow.policies.read_revision("p", lock=True) == 2

    async def test_a_draft_is_replaced_dropped_and_numbered_behind_what_was_ever_active(self, units: Any) -> None:
        async with units.begin() as uow:
            await uow.policies.create_policy("p")
            await uow.policies.write_draft("p", FIFO, "first", "me")
            await uow.policies.write_draft("p", PRIORITY, "second", "you")
            (draft,) = await uow.policies.read_versions("p")
            assert (draft.version, draft.status, draft.note, draft.created_by) == (1, "draft", "second", "you")
            assert draft.content == PRIORITY
            assert await uow.policies.drop_draft("p")
            assert not await uow.policies.drop_draft("p")
            await uow.policies.write_active("p", FIFO, "me")
            await uow.policies.write_draft("p", PRIORITY, "", "me")
            assert [one.version for one in await uow.policies.read_versions("p")] == [2, 1]

    async def test_a_version_without_end_retires_those_without_end_and_a_season_none(self, units: Any) -> None:
        window = Window(START, START + timedelta(days=3))
        async with units.begin() as uow:
            for window_of_one in (Window(), window, Window()):
                await uow.policies.write_draft("default", PRIORITY, "written", "me")
                draft = (await uow.policies.read_versions("default"))[0]
                await uow.policies.activate(draft, window_of_one, None, "you")
            await uow.commit()
        async with units.reading() as uow:
            found = await uow.policies.read_versions("default", retired=True)
        assert [(one.version, one.status) for one in found] == [
            (4, "active"),
            (3, "active"),
            (2, "retired"),
            (1, "retired"),
        ]
        assert (found[1].window, found[1].note, found[1].activated_by) == (window, "written", "you")
        assert (found[2].retired_by, found[0].retired_by) == ("you", None)
        assert [one.version for one in await self._versions(units, before=3, limit=1)] == [2]

    async def test_a_version_past_the_draft_takes_its_number_and_the_draft_stays_one(self, units: Any) -> None:
        async with units.begin() as uow:
            await uow.policies.write_draft("default", PRIORITY, "mine", "me")
            await uow.policies.retire("default", None, "you")
            made = await uow.policies.write_active("default", FIFO, "you")
            await uow.commit()
        assert (made.version, made.status, made.policy) == (2, "active", Policy("default", 2))
        found = await self._versions(units)
        assert [(one.version, one.status, one.note) for one in found] == [
            (3, "draft", "mine"),
            (2, "active", ""),
            (1, "retired", ""),
        ]

    async def test_policies_are_listed_by_name_with_what_is_drafted_and_active(self, units: Any) -> None:
        async with units.begin() as uow:
            for name in ("b", "a"):
                await uow.policies.create_policy(name)
            await uow.policies.write_draft("a", FIFO, "", "me")
            listed = await uow.policies.list_policies("", 2)
            assert [(one.name, len(one.versions)) for one in listed] == [("a", 1), ("b", 0)]
            assert [one.name for one in await uow.policies.list_policies("b", 9)] == ["default"]

    async def test_a_target_follows_the_policy_that_it_was_assigned_last(self, units: Any) -> None:
        own: Target = (Scope.SKU, "A")
        async with units.begin() as uow:
            for name in ("p", "q"):
                await uow.policies.create_policy(name)
                await uow.policies.write_active(name, PRIORITY, "me")
            first = await uow.assignments.assign(own, "p", "me")
            second = await uow.assignments.assign(own, "q", "you")
            await uow.assignments.assign(GARDEN, "q", "me")
            assert (second.policy, second.assigned_by) == ("q", "you")
            assert second.version > first.version
            assert await uow.assignments.read_assignment(own) == second
            assert await uow.assignments.count_followers(["p", "q", "default"]) == {"q": 2, "default": 1}
            scopes = [one.scope for one in await uow.assignments.list_assignments(("", ""), 9)]
            assert scopes == ["category", "default", "sku"]
            behind = await uow.assignments.list_assignments(GARDEN, 1, policy="q")
            assert [one.target for one in behind] == ["A"]
            assert [one.scope for one in await uow.assignments.list_assignments(("", ""), 9, without="sku")] == scopes[
                :2
            ]
            assert (await uow.policies.choice("A", "garden", START)).scope == Scope.SKU
            await uow.assignments.unassign(own)
            assert await uow.assignments.read_assignment(own) is None
            choice = await uow.policies.choice("A", "garden", START)
            assert (choice.scope, choice.policy.name) == (Scope.CATEGORY, "q")
            assert (await uow.policies.choice("A", None, START)).scope == Scope.DEFAULT

    async def test_a_sku_is_locked_with_the_policy_of_its_category_as_it_is_by_then(self, units: Any) -> None:
        neighbours = Neighbours()
        await decide(units, neighbours.sku("A", category="garden"), neighbours.sku("B"))
        async with units.begin() as uow:
            await uow.policies.create_policy("p")
            await uow.policies.write_draft("p", PRIORITY, "", "me")
            (draft,) = await uow.policies.read_versions("p")
            await uow.policies.activate(draft, Window(START + timedelta(days=2), START + timedelta(days=3)), None, "me")
            await uow.assignments.assign(GARDEN, "p", "me")
            await uow.commit()
        async with units.begin() as uow:
            for number, names in enumerate((["default"] * 2, ["default"] * 2, ["p", "default"], ["default"] * 2)):
                found = await uow.store.peek_skus(["A", "B"], START + timedelta(days=number, hours=1))
                assert [found[sku].policy.name for sku in ("A", "B")] == names
            session = await locked(uow.store, "B")
            session.cause_times["B"] = START + timedelta(days=2, hours=1)
            session.skus["B"].category = "garden"
            await uow.store.reload_policies(session, ["B"])
            assert session.skus["B"].policy.name == "p"

    async def _versions(self, units: Any, **more: Any) -> Any:
        async with units.reading() as uow:
            return await uow.policies.read_versions("default", retired=True, **more)


class ReviewSuite:
    """Queues that another policy decides about are looked at again."""

    async def _kept(self, units: Any) -> Neighbours:
        """A unit of A and one of B lie before somebody who may not have it; nothing of C is free."""
        await use(units, KEEPING)
        neighbours = Neighbours()
        for sku, category in (("A", "garden"), ("B", None), ("C", "garden")):
            await decide(units, neighbours.sku(sku, category=category))
            await decide(units, neighbours.order(f"o{sku}", (sku, 1), channel="web")[1])
            if sku != "C":
                await decide(units, neighbours.stock(sku, 1))
        return neighbours

    @pytest.mark.parametrize(
        ("target", "expected"), [(DEFAULT, ["A", "B"]), (GARDEN, ["A"]), ((Scope.SKU, "A"), ["A"]), (("sku", "C"), [])]
    )
    async def test_only_queues_before_free_stock_of_whoever_is_concerned_are_looked_at(
        self, units: Any, target: Target, expected: list[str]
    ) -> None:
        await self._kept(units)
        async with units.begin() as uow:
            await uow.assignments.want_review(target=target)
            assert await uow.assignments.awaiting_review(["A", "B", "C"]) == set(expected)
            assert await uow.assignments.take_reviews(10) == expected
            assert await uow.assignments.take_reviews(10) == []

    async def test_a_policy_concerns_whoever_follows_it(self, units: Any) -> None:
        await self._kept(units)
        async with units.begin() as uow:
            await uow.policies.create_policy("p")
            await uow.assignments.assign(GARDEN, "p", "me")
            await uow.assignments.want_review(policy="p")
            assert await uow.assignments.take_reviews(1) == ["A"]
            await uow.assignments.want_review(policy="default")
            assert await uow.assignments.reviews_due(10) == ["A", "B"]
            assert await uow.assignments.reviews_due(1) == ["A"]
            assert await uow.assignments.reviews_due(10, ["A"]) == ["B"]
            assert await uow.assignments.take_reviews(10, ["?"]) == []
            assert await uow.assignments.take_reviews(10) == ["A", "B"]
            assert await uow.assignments.category_of("A") == "garden"
            assert [await uow.assignments.category_of(one) for one in ("B", "none")] == [None, None]

    async def test_the_begin_and_the_end_of_a_season_are_noted_once_each(self, units: Any) -> None:
        await self._kept(units)
        begin, end = START + timedelta(days=1), START + timedelta(days=2)
        async with units.begin() as uow:
            await uow.policies.write_draft("default", FIFO, "", "me")
            draft = (await uow.policies.read_versions("default"))[0]
            await uow.policies.activate(draft, Window(begin, end), None, "me")
            await uow.commit()
        for now, noted in ((START, 0), (begin, 1), (begin, 0), (end, 1), (end, 0)):
            async with units.begin() as uow:
                assert await uow.assignments.windows_due(now) is bool(noted)
                assert await uow.assignments.note_windows(now) == noted
                assert await uow.assignments.take_reviews(10) == ["A", "B"] * noted
                await uow.commit()


class BackgroundWorkSuite:
    """What loops find to do, and which names are known."""

    async def test_promises_whose_day_is_over_are_found(self, units: Any) -> None:
        neighbours = Neighbours()
        for sku, lead in (("B", 3), ("A", 3), ("C", 9)):
            await decide(units, neighbours.sku(sku, lead_time_days=lead), neighbours.order(f"o{sku}", (sku, 1))[1])
        async with units.reading() as uow:
            assert await uow.background.skus_with_passed_promises(days(3)) == []
            assert await uow.background.skus_with_passed_promises(days(4)) == ["A", "B"]
            assert await uow.background.skus_with_passed_promises(days(4), 1) == ["A"]
            assert await uow.background.skus_with_passed_promises(days(4), 1, ["A"]) == ["B"]

    async def test_the_backlog_counts_what_waits(self, units: Any) -> None:
        async with units.reading() as uow:
            assert await uow.background.backlog() == Backlog(None, 0, 0)
            assert await uow.background.newest_cause() is None
        neighbours = Neighbours()
        await decide(units, neighbours.sku("A"))
        first, placed = neighbours.order("o1", ("A", 2))
        await decide(units, placed, neighbours.order("o2", ("A", 3))[1])
        async with units.reading() as uow:
            assert await uow.background.backlog() == Backlog(first.state.placed_at, 5, 2)
            assert await uow.background.newest_cause() == neighbours.now

    async def test_stock_that_lies_idle_before_those_who_wait_is_found_unless_it_is_about_to_be_decided(
        self, units: Any
    ) -> None:
        await use(units, KEEPING)
        neighbours = Neighbours()
        for sku in ("B", "A", "C"):
            await decide(units, neighbours.sku(sku), neighbours.order(f"o{sku}", (sku, 1), channel="web")[1])
        await decide(units, neighbours.stock("A", 1), neighbours.stock("B", 1))
        async with units.begin() as uow:
            assert await uow.background.skus_to_reconcile("", 10) == ["A", "B"]
            assert await uow.background.skus_to_reconcile("A", 10) == ["B"]
            assert await uow.background.skus_to_reconcile("", 1) == ["A"]
            assert await uow.background.skus_to_reconcile("", 10, ["A"]) == ["B"]
            await uow.assignments.want_review(target=(Scope.SKU, "A"))
            assert await uow.background.skus_to_reconcile("", 10) == ["B"]

    async def test_a_ship_complete_order_is_found_only_where_all_it_needs_is_there(self, units: Any) -> None:
        await use(units, KEEPING)
        neighbours = Neighbours()
        await decide(units, neighbours.sku("A"), neighbours.sku("B"), neighbours.stock("A", 1))
        both = neighbours.order("o1", ("A", 1), ("B", 1), ship_complete=True, channel="web")[1]
        await decide(units, both)
        async with units.reading() as uow:
            assert await uow.background.skus_to_reconcile("", 10) == []
        await decide(units, neighbours.stock("B", 1))
        async with units.reading() as uow:
            found = await uow.background.skus_to_reconcile("", 10)
            waiting = await uow.store.oldest_deferred_orders(1)
        assert found == ([] if waiting else ["A", "B"])

    async def test_names_are_known_once_inventory_has_told_of_them(self, units: Any) -> None:
        neighbours = Neighbours()
        await decide(units, neighbours.sku("A", category="garden"), neighbours.order("o1", ("B", 1))[1])
        async with units.reading() as uow:
            assert await uow.catalogue.unknown_skus(["C", "B", "A"]) == ["B", "C"]
            assert await uow.catalogue.unknown_skus([]) == []
            known = [await uow.catalogue.is_category_known(one) for one in ("garden", "kitchen")]
            assert known == [True, False]
