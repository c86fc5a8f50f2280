"""Weekly purchase orders from trailing demand, and what suppliers make of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from backorder_workload.replay.catalogue import Catalogue, draw_catalogue
from backorder_workload.replay.generator import generate
from backorder_workload.replay.purchasing import PlannedOrder, StockPosition, plan_deliveries, plan_purchases

CATALOGUE = draw_catalogue(generate(400, seed=5).orders, seed=5)
MONDAY = date(2010, 12, 6)


def emptied(catalogue: Catalogue) -> StockPosition:
    position = StockPosition(catalogue)
    for sku in catalogue.skus.values():
        position.demanded(sku.code, sku.opening_units + 10, MONDAY)
    return position


def a_week_of_orders(position: StockPosition) -> list[PlannedOrder]:
    return [
        order
        for day in range(5)
        for order in plan_purchases(CATALOGUE, position, MONDAY + timedelta(days=day), run="r")
    ]


def test_each_supplier_gets_an_order_on_its_weekday_only() -> None:
    orders = a_week_of_orders(emptied(CATALOGUE))
    weekday = {supplier.supplier_id: supplier.weekday for supplier in CATALOGUE.suppliers}
    assert {order.supplier_id for order in orders} == set(weekday)
    assert all(order.ordered_at.weekday() == weekday[order.supplier_id] for order in orders)


def test_an_order_names_each_sku_once_at_its_own_location() -> None:
    for order in a_week_of_orders(emptied(CATALOGUE)):
        skus = [line.sku for line in order.lines]
        assert len(skus) == len(set(skus)) > 0
        assert {CATALOGUE.skus[sku].location_id for sku in skus} == {order.location_id}


def test_what_is_on_order_is_not_ordered_again_and_a_waiting_unit_is_ordered() -> None:
    position = emptied(CATALOGUE)
    assert a_week_of_orders(position)
    assert not a_week_of_orders(position)
    some = next(iter(CATALOGUE.skus))
    position.demanded(some, 7, MONDAY)
    again = [line for order in a_week_of_orders(position) for line in order.lines]
    assert [line.sku for line in again] == [some]
    assert again[0].quantity >= 7


def test_a_full_shop_orders_nothing() -> None:
    position = StockPosition(CATALOGUE)
    for sku in CATALOGUE.skus:
        position.changed(sku, 100_000)
    assert not a_week_of_orders(position)


def test_the_fate_of_an_order_depends_on_seed_and_reference_only() -> None:
    order = a_week_of_orders(emptied(CATALOGUE))[0]
    supplier = next(supplier for supplier in CATALOGUE.suppliers if supplier.supplier_id == order.supplier_id)
    fate = plan_deliveries(order, supplier, seed=1, run="r")
    assert fate == plan_deliveries(order, supplier, seed=1, run="r")
    elsewhere = replace(order, reference=order.reference.replace("r-", "other-", 1))
    moved = plan_deliveries(elsewhere, supplier, seed=1, run="other")
    assert [delivery.arrives_at for delivery in moved.deliveries] == [d.arrives_at for d in fate.deliveries]


def test_over_many_orders_every_kind_of_delivery_happens_and_none_before_the_order() -> None:
    supplier = CATALOGUE.suppliers[0]
    (template, *_) = [o for o in a_week_of_orders(emptied(CATALOGUE)) if o.supplier_id == supplier.supplier_id]
    in_parts = over = short = slipped = late = 0
    for number in range(400):
        ordered_at = datetime(2011, 1, 3, 22, tzinfo=UTC) + timedelta(days=number)
        order = replace(
            template,
            reference=f"r-PO-{number}",
            ordered_at=ordered_at,
            eta=ordered_at.date() + timedelta(days=supplier.stated_days),
        )
        fate = plan_deliveries(order, supplier, seed=1, run="r")
        assert all(delivery.arrives_at > ordered_at for delivery in fate.deliveries)
        assert all(ordered_at.date() < slip.day <= slip.eta for slip in fate.slips)
        arrived = dict.fromkeys(range(len(order.lines)), 0)
        for delivery in fate.deliveries:
            for index, units in delivery.units:
                assert units > 0
                arrived[index] += units
        closed = {index for delivery in fate.deliveries for index in delivery.closes}
        for index, line in enumerate(order.lines):
            assert arrived[index] >= line.quantity or index in closed
        in_parts += len(fate.deliveries) > 1
        over += any(arrived[index] > line.quantity for index, line in enumerate(order.lines))
        short += bool(closed)
        slipped += bool(fate.slips)
        late += fate.deliveries[0].day > order.eta
    assert min(in_parts, over, short, slipped, late) > 20
