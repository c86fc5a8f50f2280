"""What every implementation does with loans, and with what lending goes by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.scenario import START
from tests.unit.allocation.allocation_store_suite import add_line, add_order, days, keep, locked, use

from allocation_service.application.lending.loan_records import LoanFilter
from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.demand.line import Entry
from allocation_service.domain.lending.loan import KeptLoan, LoanOutcome
from allocation_service.domain.policies.policy import Lending, Policy
from allocation_service.domain.supply.sku import Announced, Arrived, Level


def a_loan(number: int, lender: str = "o1", borrower: str = "o2", **more: Any) -> KeptLoan:
    """Two units of A, lent from one order's first line to the other's."""
    values: dict[str, Any] = {
        "loan_id": f"loan-{number}", "decision_id": "d", "sku": "A", "lender_line": f"{lender}-1",
        "lender_order": lender, "borrower_line": f"{borrower}-1", "borrower_order": borrower, "location": "HH",
        "units": 2, "po_line": "po", "supplier": "S", "repay_by": days(9), "needed_on": days(11), "chance": 0.99,
        "observations": 99, "evidence": "own", "lent_at": START,
    }  # fmt: skip
    return KeptLoan(**{**values, "new": True, **more})


class LendingSuite:
    """Loans, who could lend, who needs, and how late deliveries were. For the fixture see SessionSuite."""

    async def _lend(self, units: Any, *loans: KeptLoan) -> None:
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            for order_id in sorted({one.lender_order for one in loans}):
                add_line(session, add_order(session, order_id), "A", 4)
            session.loans["A"] = list(loans)
            session.skus["A"].open_loans = len(loans)
            await keep(uow, session)

    async def test_open_loans_are_read_with_the_lines_of_those_who_are_owed(self, units: Any) -> None:
        closed = a_loan(2, "o3", repaid_units=2, repaid_at=START, closed_at=START)
        await self._lend(units, a_loan(1), closed)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            assert (session.skus["A"].open_loans, session.lending_skus) == (2, {"A"})
            await uow.store.load_loans(session, "A")
        assert session.loans["A"] == [replace(a_loan(1), new=False)]
        assert list(session.lines) == ["o1-1"]

    async def test_what_comes_back_is_stored_and_a_breach_that_was_found_meanwhile_stays(self, units: Any) -> None:
        await self._lend(units, a_loan(1))
        async with units.begin() as uow:
            assert await uow.loans.mark_breached(days(9)) == 0
            session = await locked(uow.store, "A")
            await uow.store.load_loans(session, "A")
            assert await uow.loans.mark_breached(days(10)) == 1
            assert await uow.loans.mark_breached(days(10)) == 0
            (loan,) = session.loans["A"]
            loan.repay(2, START + timedelta(days=1))
            session.skus["A"].open_loans = 0
            await keep(uow, session)
        async with units.reading() as uow:
            (found,) = await uow.loans.list_loans(LoanFilter(), None, 9)
        assert (found.repaid_units, found.breached, found.outcome) == (2, True, LoanOutcome.BREACHED)
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            await uow.store.load_loans(session, "A")
        assert (session.loans["A"], session.skus["A"].open_loans) == ([], 0)

    async def test_loans_are_listed_newest_first_and_counted_by_what_became_of_them(self, units: Any) -> None:
        void = a_loan(2, supplier="T", void_units=2, closed_at=START)
        await self._lend(units, a_loan(1), void, a_loan(3, borrower="o4"))
        async with units.reading() as uow:

            async def listed(wanted: LoanFilter, before: str | None = None, limit: int = 9) -> list[str]:
                return [one.loan_id for one in await uow.loans.list_loans(wanted, before, limit)]

            assert await listed(LoanFilter()) == ["loan-3", "loan-2", "loan-1"]
            assert await listed(LoanFilter(), "loan-3", 1) == ["loan-2"]
            assert await listed(LoanFilter(outcome=LoanOutcome.VOID)) == ["loan-2"]
            assert await listed(LoanFilter(line_id="o4-1")) == ["loan-3"]
            assert await listed(LoanFilter(supplier="S", sku="A")) == ["loan-3", "loan-1"]
            assert await listed(LoanFilter(sku="B")) == []
            together, suppliers = await uow.loans.tallies()
        assert (together.open, together.void, together.units, together.owed) == (2, 1, 6, 4)
        assert {name: one.units for name, one in suppliers.items()} == {"S": 4, "T": 2}

    async def test_those_could_lend_who_need_all_they_hold_later_the_latest_first(self, units: Any) -> None:
        needs = {"late": days(40), "later": days(50), "soon": days(5), "no date": None, "part": days(60)}
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            session.skus["A"].levels["HH"] = Level("HH", on_hand=50, changed=True)
            for name, needed_by in {**needs, "whole": days(70), "lent": days(80), "fixed": days(90)}.items():
                order = add_order(session, name, needed_by=needed_by, ship_complete=name == "whole")
                line = add_line(session, order, "A", 4)
                units_given = 3 if name == "part" else 4
                line.grant("HH", units_given)
                session.move_grant(line, "HH", units_given)
                session.update_counters(line)
            session.loans["A"] = [a_loan(1, "lent", "late too")]
            await keep(uow, session)
        async with units.begin() as uow:
            assert (await uow.pins.pin("fixed-1", "why", "me", START)).pinned_by == "me"
            assert await uow.pins.pin("none-1", "why", "me", START) is None
            session = await locked(uow.store, "A")
            assert list(await uow.store.find_lenders(session, "A", days(10), 9)) == ["later-1", "late-1"]
            assert sorted(session.lines) == ["late-1", "later-1"]
            assert list(await uow.store.find_lenders(session, "A", days(10), 1)) == ["later-1"]
            assert await uow.pins.unpin("fixed-1")
            assert not await uow.pins.unpin("fixed-1")
            assert await uow.pins.read_pin("fixed-1") is None
            assert list(await uow.store.find_lenders(session, "A", days(10), 1)) == ["fixed-1"]

    async def test_who_is_due_soonest_is_urgent_without_a_date_by_what_its_tier_may_expect(self, units: Any) -> None:
        await use(units, Policy(lending=Lending()))
        async with units.begin() as uow:
            session = await locked(uow.store, "A")
            for name, tier_rank, needed_by in (
                ("third", 3, days(4)),
                ("first", 3, days(1)),
                ("second", 0, None),
                ("standard", 3, None),
                ("later", 0, days(8)),
                ("whole", 0, days(1)),
            ):
                order = add_order(
                    session, name, tier_rank=tier_rank, needed_by=needed_by, ship_complete=name == "whole"
                )
                add_line(session, order, "A", 1, layers=[Entry(START, 1)])
            await keep(uow, session)
        for limit, expected in ((9, ["first", "second", "third"]), (2, ["first", "second"])):
            async with units.begin() as uow:
                session = await locked(uow.store, "A")
                await uow.store.load_urgent(session, "A", days(5), limit)
            assert sorted(session.orders) == expected

    async def test_deliveries_are_judged_by_the_date_that_stood_so_long_before(self, units: Any) -> None:
        # Twenty days ahead of it, the first was announced for another day.
        news: list[list[Announced | Arrived]] = [
            [Announced("a", "S", days(20), 9, days(0)), Announced("b", "S", days(30), 9, days(0))],
            [Announced("a", "S", days(25), 9, days(8)), Announced("c", "T", days(22), 9, days(8))],
            [Arrived("a", 4, days(27)), Arrived("c", 0, days(21)), Announced("b", "S", days(30), 0, days(28))],
            [Arrived("a", 0, days(28))],
        ]
        for one in news:
            async with units.begin() as uow:
                session = await locked(uow.store, "A")
                session.skus["A"].deliveries += one
                session.unwritten.skus.add("A")
                await keep(uow, session)
        session = AllocationSession()
        async with units.reading() as uow:
            for lead in (15, 10):
                await uow.store.load_evidence(session, "S", lead, days(40))
            await uow.store.load_evidence(session, "T", 10, days(22))
        late, early = session.evidence["S", 15], session.evidence["S", 10]
        assert (late.own.days, late.own.missing) == ((3, 8), 1)
        assert (early.own.days, early.own.missing) == ((3,), 1)
        assert (early.everybody.days, early.everybody.missing) == ((-1, 3), 1)
        assert session.evidence["T", 10].own.observations == 0
