"""A line's quantities always add up; newcomers are granted, accepted or declined by the SKU's terms."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.allocating.deciding_new_demand import NewDemand, decide_line, decide_together
from allocation_service.domain.demand.line import Entry, Line
from allocation_service.domain.policies.policy import Location, Supply
from allocation_service.domain.supply.selling_terms import Terms
from allocation_service.wording.reason_words import published_words

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = date(2026, 3, 16)


def supply(units: int, sku: str = "A") -> Supply:
    return Supply(sku, (Location("X", 1, units),) if units else ())


def quote(sku: str, units: int) -> date | None:
    return DAY


@given(
    st.lists(
        st.tuples(st.sampled_from(["amend", "cancel", "ship", "grant", "accept", "decline", "back"]), st.integers(1, 6))
    )
)
def test_a_lines_quantities_add_up_whatever_happens(steps: list[tuple[str, int]]) -> None:
    line, now = Line("l", "o", "A"), NOW
    quantity, cancelled = 5, 0
    shipped: dict[str, int] = {}
    line.learn(quantity, cancelled, {}, now)
    for name, units in steps:
        now += timedelta(minutes=1)
        left = sum(shipped.values())
        match name:
            case "amend":
                quantity = max(cancelled + left, quantity + units - 3)
            case "cancel":
                cancelled = min(quantity - left, cancelled + units)
            case "ship":
                shipped = {**shipped, "X": min(quantity - cancelled, left + units)} if quantity > cancelled else shipped
            case "grant" if line.queued_units:
                line.grant("X", min(units, line.queued_units))
            case "accept" if line.undecided:
                line.accept(min(units, line.undecided))
            case "decline" if line.undecided:
                line.decline(min(units, line.undecided))
            case "back" if line.unshipped_at("X"):
                line.deallocate("X", min(units, line.unshipped_at("X")))
        line.learn(quantity, cancelled, dict(shipped), now)
        assert line.quantity == line.granted_units + line.waiting + line.declined + line.cancelled
        assert sum(line.granted.values()) == line.granted_units
        assert all(line.granted.get(place, 0) >= units for place, units in line.shipped.items())
        assert sum(entry.quantity for entry in line.entries()) == line.queued_units >= 0
        assert sum(entry.quantity for entry in line.layers) == line.live_units


def test_added_units_queue_as_of_now_and_the_old_ones_keep_their_place() -> None:
    line = Line("l", "o", "A")
    line.learn(3, 0, {}, NOW)
    line.accept(3)
    line.learn(5, 0, {}, NOW + timedelta(days=1))
    line.accept(2)
    assert line.entries() == [Entry(NOW, 3), Entry(NOW + timedelta(days=1), 2)]
    line.grant("X", 4)
    assert line.entries() == [Entry(NOW + timedelta(days=1), 1)]
    line.deallocate("X", 4)
    assert line.entries() == [Entry(NOW, 3), Entry(NOW + timedelta(days=1), 2)]


def test_a_cut_takes_waiting_units_first_and_never_shipped_ones() -> None:
    line = Line("l", "o", "A")
    line.learn(6, 0, {}, NOW)
    line.accept(6)
    line.grant("X", 4)
    line.learn(6, 0, {"X": 2}, NOW)
    assert line.learn(6, 2, {"X": 2}, NOW) == {}
    assert line.learn(6, 3, {"X": 2}, NOW) == {"X": -1}
    assert (line.waiting, line.granted) == (0, {"X": 3})


def test_a_cut_takes_what_was_declined_before_what_is_held() -> None:
    line = Line("l", "o", "A")
    line.learn(10, 0, {}, NOW)
    line.decline(2)
    line.accept(8)
    line.grant("X", 5)
    assert line.learn(10, 3, {}, NOW) == {}
    assert (line.waiting, line.declined, line.granted) == (0, 2, {"X": 5})
    assert line.learn(8, 3, {}, NOW) == {}
    assert (line.waiting, line.declined, line.granted) == (0, 0, {"X": 5})
    assert line.learn(8, 4, {}, NOW) == {"X": -1}


def test_a_whole_cancellation_clears_what_was_declined() -> None:
    line = Line("l", "o", "A")
    line.learn(4, 0, {}, NOW)
    line.decline(4)
    line.learn(4, 4, {}, NOW)
    assert (line.declined, line.waiting) == (0, 0)


def place(units: int, free: int, terms: Terms, latest: date | None = None) -> tuple[int, int, str]:
    found = decide_line(NewDemand("l", "A", units, units), supply(free), terms, quote, latest)
    return sum(n for _, n in found.grants), found.declined, published_words(found.reason)


def test_stock_only_is_declined_whole_when_not_all_is_there() -> None:
    assert place(3, 3, Terms("stock_only", None, 0)) == (3, 0, "granted")
    assert place(3, 2, Terms("stock_only", None, 0)) == (0, 3, "declined: sold from stock only, 2 of 3 available")


def test_the_cap_counts_those_who_wait_already() -> None:
    assert place(3, 1, Terms("backorder", 5, 3))[:2] == (1, 0)
    assert place(3, 1, Terms("backorder", 5, 4))[:2] == (0, 3)


def test_a_discontinued_sku_is_declined_even_from_stock() -> None:
    assert place(1, 5, Terms("discontinued", None, 0))[:2] == (0, 1)


def test_a_promise_later_than_acceptable_is_declined() -> None:
    assert place(1, 0, Terms("backorder", None, 0), latest=DAY)[1] == 0
    assert place(1, 0, Terms("backorder", None, 0), latest=DAY - timedelta(days=1))[1] == 1


def _order(*, first_decision: bool, free: dict[str, int]) -> list[tuple[int, int]]:
    new_demands = [NewDemand("la", "A", 2, 2), NewDemand("lb", "B", 2, 2)]
    terms = {"A": Terms("backorder", None, 0), "B": Terms("stock_only", None, 0)}
    found = decide_together(
        new_demands, {s: supply(n, s) for s, n in free.items()}, terms, quote, None, first_decision=first_decision
    )
    return [(sum(n for _, n in one.grants), one.declined) for one in found]


def test_an_order_that_ships_complete_takes_all_or_nothing() -> None:
    assert _order(first_decision=True, free={"A": 2, "B": 2}) == [(2, 0), (2, 0)]
    assert _order(first_decision=True, free={"A": 1, "B": 2}) == [(0, 0), (0, 0)]


def test_at_placing_one_declined_line_declines_an_order_that_ships_complete() -> None:
    assert _order(first_decision=True, free={"A": 2, "B": 1}) == [(0, 2), (0, 2)]


def test_later_only_the_declined_increment_is_refused_and_the_rest_is_tried_again() -> None:
    assert _order(first_decision=False, free={"A": 2, "B": 1}) == [(2, 0), (0, 2)]
