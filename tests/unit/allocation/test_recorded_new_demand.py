"""A decision about new demand leads to the same when read back, also from the form before the lean one."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from allocation_service.domain.allocating.deciding_new_demand import (
    NewDemand,
    NewDemandOutcome,
    decide_line,
    decide_together,
)
from allocation_service.domain.decisions.decision_view import policies_used
from allocation_service.domain.decisions.recorded_fill import StoredLine
from allocation_service.domain.decisions.recorded_new_demand import NewDemandInputs, stored_demand, stored_step
from allocation_service.domain.decisions.replaying import replay, shown_facts
from allocation_service.domain.policies.policy import Location, Policy, Supply
from allocation_service.domain.supply.selling_terms import Terms

NOW = datetime(2026, 1, 5, tzinfo=UTC)
PROMISED, LATER = date(2026, 1, 20), date(2026, 2, 3)


def as_stored(document: Any) -> Any:
    """What comes back from the database."""
    return orjson.loads(orjson.dumps(document, default=list))


def quote(sku: str, units: int) -> date:
    return LATER if units > 4 else PROMISED


class Decided:
    """A decision about some new lines, in both of its stored forms."""

    def __init__(
        self, new_demands: list[NewDemand], free: dict[str, list[Location]], *, together: bool = False
    ) -> None:
        self.new_demands = new_demands
        self.supply = {sku: Supply(sku, tuple(locations), None, 7) for sku, locations in free.items()}
        self.terms = {sku: Terms("backorder", 100, 3) for sku in free}
        self.quotes: dict[tuple[str, int], date | None] = {}
        self.first_decision = True if together else None
        self.outcomes = self._decide(together=together)
        followed = {sku: Policy("mine", 3) for sku in free}
        self.inputs = NewDemandInputs("o", self.supply, self.terms, self.quotes, LATER, self.first_decision, followed)

    def _quote(self, sku: str, units: int) -> date | None:
        self.quotes[sku, units] = quote(sku, units)
        return self.quotes[sku, units]

    def _decide(self, *, together: bool) -> list[NewDemandOutcome]:
        if together:
            return decide_together(self.new_demands, self.supply, self.terms, self._quote, LATER, first_decision=True)
        (one,) = self.new_demands
        return [decide_line(one, self.supply[one.sku], self.terms[one.sku], self._quote, LATER)]

    def outcome(self) -> dict[str, int]:
        return {one.line_id: one.granted for one in self.outcomes}

    def lean(self) -> tuple[dict[str, Any], list[StoredLine]]:
        facts = [stored_demand(one, outcome) for one, outcome in zip(self.new_demands, self.outcomes, strict=True)]
        return as_stored(stored_step(self.inputs)), self._lines(facts)

    def full(self) -> tuple[dict[str, Any], list[StoredLine]]:
        """As it was stored before."""
        step = {
            "kind": "place",
            "order_id": "o",
            "supply": {sku: one._asdict() for sku, one in self.supply.items()},
            "terms": {sku: one._asdict() for sku, one in self.terms.items()},
            "quotes": [[sku, units, day] for (sku, units), day in self.quotes.items()],
            "latest": LATER,
            "placing": self.first_decision,
        }
        facts = [
            {
                "newcomer": one._asdict(),
                "grants": outcome.grants,
                "declined": outcome.declined,
                "promise_date": outcome.promise_date,
            }
            for one, outcome in zip(self.new_demands, self.outcomes, strict=True)
        ]
        return as_stored(step), self._lines(facts)

    def _lines(self, facts: list[dict[str, Any]]) -> list[StoredLine]:
        return [
            StoredLine(one.line_id, one.sku, one.open_units, as_stored(fact))
            for one, fact in zip(self.new_demands, facts, strict=True)
        ]


BOTH = [Location("HH", 1, 3), Location("MUC", 2, 9)]
DECISIONS = {
    "all of it is new and there": Decided([NewDemand("l", "A", 2, 2)], {"A": BOTH}),
    "nothing is there": Decided([NewDemand("l", "A", 2, 2)], {"A": []}),
    "more is asked for, with a promise and a place preferred": Decided(
        [NewDemand("l", "A", 1, 4, "MUC", PROMISED)], {"A": BOTH}
    ),
    "a part waits past its promise": Decided([NewDemand("l", "A", 5, 15, None, PROMISED)], {"A": BOTH}),
    "an order is complete": Decided(
        [NewDemand("l", "A", 2, 2, "MUC"), NewDemand("m", "B", 1, 1, "MUC")], {"A": BOTH, "B": BOTH}, together=True
    ),
    "an order is not complete": Decided(
        [NewDemand("l", "A", 2, 3, None, PROMISED), NewDemand("m", "B", 1, 1)], {"A": BOTH, "B": []}, together=True
    ),
}
CASES = pytest.mark.parametrize("decided", DECISIONS.values(), ids=DECISIONS.keys())


@CASES
def test_a_stored_decision_leads_again_to_what_it_led_to(decided: Decided) -> None:
    step, lines = decided.lean()
    assert replay(step, lines, NOW) == decided.outcome()


@CASES
def test_a_decision_stored_in_full_still_does(decided: Decided) -> None:
    step, lines = decided.full()
    assert replay(step, lines, NOW) == decided.outcome()


@CASES
def test_both_forms_show_the_same(decided: Decided) -> None:
    (lean, lean_lines), (full, full_lines) = decided.lean(), decided.full()
    shown = [as_stored(shown_facts(lean, line, NOW)) for line in lean_lines]
    assert shown == [as_stored(shown_facts(full, line, NOW)) for line in full_lines]
    assert [one["newcomer"]["units"] for one in shown] == [one.units for one in decided.new_demands]


@CASES
def test_a_decision_names_the_policies_it_followed_and_an_older_one_does_not(decided: Decided) -> None:
    (lean, _), (full, _) = decided.lean(), decided.full()
    assert policies_used([full, lean]) == [(1, {"name": "mine", "version": 3})]


def test_articles_of_one_order_may_follow_policies_of_their_own() -> None:
    decided = DECISIONS["an order is complete"]
    followed = {"A": Policy("mine", 3), "B": Policy("yours", 1)}
    step = as_stored(stored_step(decided.inputs._replace(followed=followed)))
    assert policies_used([step]) == [(0, {"name": "mine", "version": 3}), (0, {"name": "yours", "version": 1})]
