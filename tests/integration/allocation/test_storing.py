"""Storing a session: what rows are added by COPY must not be there already."""

from typing import Any

import pytest

from allocation_service.adapters.store import session_writes


async def test_units_taken_back_whole_and_given_again_are_stored_by_copy_too(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_writes, "COPY_FROM", 0)
    await world.apply(world.sku("A"), world.stock("A", 3))
    await world.apply(world.order("o1", ("A", 3))[1])
    await world.apply(world.stock("A", -3))
    assert await world.granted("o1-1") == [0]
    await world.apply(world.stock("A", 3))
    assert await world.granted("o1-1") == [3]
    await world.check()
