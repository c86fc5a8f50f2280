"""The simulated shop before its first order."""

from collections import Counter

import pytest

from backorder_workload.replay.catalogue import draw_catalogue
from backorder_workload.replay.generator import generate

ORDERS = generate(1_200, seed=3).orders


def test_every_sku_of_the_stream_is_sold_and_the_same_seed_draws_the_same_shop() -> None:
    catalogue = draw_catalogue(ORDERS, seed=3)
    assert set(catalogue.skus) == {line.sku for order in ORDERS for line in order.lines}
    assert catalogue == draw_catalogue(ORDERS, seed=3)
    assert catalogue != draw_catalogue(ORDERS, seed=4)


def test_most_skus_are_sold_on_backorder_and_every_policy_occurs() -> None:
    skus = draw_catalogue(ORDERS, seed=3).skus.values()
    modes = Counter(sku.mode for sku in skus)
    assert modes["backorder"] > 0.75 * len(skus)
    assert modes["stock_only"] > modes["preorder"] > 0
    assert any(sku.cap for sku in skus)


def test_a_preorder_has_a_release_date_and_no_opening_stock_and_others_have_some() -> None:
    for sku in draw_catalogue(ORDERS, seed=3).skus.values():
        assert (sku.mode == "preorder") == (sku.release_at is not None) == (sku.opening_units == 0)
        assert sku.lead_time_days > 0


def test_skus_lie_at_the_locations_asked_for() -> None:
    assert {sku.location_id for sku in draw_catalogue(ORDERS, seed=3, locations=1).skus.values()} == {"LONDON"}
    places = Counter(sku.location_id for sku in draw_catalogue(ORDERS, seed=3, locations=3).skus.values())
    assert len(places) == 3
    assert places["LONDON"] > sum(places.values()) / 2


def test_impossible_shops_are_refused() -> None:
    with pytest.raises(ValueError, match="no orders"):
        draw_catalogue([], seed=1)
    with pytest.raises(ValueError, match="locations"):
        draw_catalogue(ORDERS, seed=1, locations=9)
