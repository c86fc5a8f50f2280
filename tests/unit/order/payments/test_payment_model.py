"""Whatever customer, allocation, shop and provider do, the money is right in the end, and never wrong meanwhile."""

from __future__ import annotations

import os

import pytest
from tests.unit.order.payments.model_histories import play
from tests.unit.order.payments.model_world import Broken, new_world

HISTORIES = int(os.environ.get("BACKORDER_HISTORIES", "400"))
CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_history_makes_or_loses_money(chunk: int) -> None:
    for seed in range(chunk, HISTORIES, CHUNKS):
        world = new_world(seed)
        try:
            play(world)
        except Broken as broken:
            pytest.fail(f"seed {seed}: {broken}\n" + "\n".join(world.log[-30:]))
