"""The generated stream has the shape of the real one."""

from collections import Counter
from statistics import median

import pytest

from backorder_workload.replay.generator import generate
from backorder_workload.replay.order_stream import is_service


def test_the_same_seed_gives_the_same_stream_and_another_seed_another() -> None:
    assert generate(50, seed=7) == generate(50, seed=7)
    assert generate(50, seed=7).orders != generate(50, seed=8).orders


def test_a_stream_has_as_many_orders_as_asked_for_in_the_sequence_of_time() -> None:
    orders = generate(400, seed=1).orders
    assert len(orders) == 400
    assert [order.placed_at for order in orders] == sorted(order.placed_at for order in orders)
    assert len({order.reference for order in orders}) == 400


def test_few_skus_sell_much_and_quantities_have_a_long_tail() -> None:
    lines = [line for order in generate(1_500, seed=1).orders for line in order.lines]
    per_sku = sorted(Counter(line.sku for line in lines).values(), reverse=True)
    assert sum(per_sku[: len(per_sku) // 5]) > 0.4 * len(lines)
    quantities = sorted(line.quantity for line in lines)
    assert 2 <= median(quantities) <= 4
    assert quantities[round(0.99 * len(quantities))] > 15 * median(quantities)
    assert 10 <= median(len(order.lines) for order in generate(1_500, seed=1).orders) <= 20


def test_nobody_orders_on_saturday_and_noon_is_busier_than_morning() -> None:
    orders = generate(1_500, seed=1).orders
    weekdays = Counter(order.placed_at.weekday() for order in orders)
    hours = Counter(order.placed_at.hour for order in orders)
    assert weekdays[5] == 0
    assert weekdays[3] > weekdays[6] > 0
    assert hours[12] > 3 * hours[8]


def test_customers_come_back_and_some_are_guests() -> None:
    orders = generate(600, seed=1).orders
    guests = sum(order.customer is None for order in orders)
    assert 0.05 < guests / len(orders) < 0.25
    assert Counter(order.customer for order in orders if order.customer).most_common(1)[0][1] > 3


def test_the_quirks_of_the_real_file_are_there() -> None:
    stream = generate(400, seed=1)
    skus = {line.sku for order in stream.orders for line in order.lines}
    assert len({sku.upper() for sku in skus}) < len(skus), "SKUs that differ only by case"
    assert any(" " in sku for sku in skus)
    assert stream.report.service_lines
    assert not any(is_service(sku) for sku in skus)
    assert stream.report.orders_naming_a_sku_twice
    assert max(len(order.lines) for order in stream.orders) >= 700


def test_a_stream_can_be_cut_by_orders_and_by_days() -> None:
    stream = generate(400, seed=1)
    assert stream.first(10).orders == stream.orders[:10]
    week = stream.first(days=7).orders
    assert 0 < len(week) < 400
    assert (week[-1].placed_at.date() - week[0].placed_at.date()).days < 7


def test_a_stream_without_orders_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one order"):
        generate(0)
