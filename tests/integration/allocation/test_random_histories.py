"""Random histories on a real database, told to two workers at once: everything is kept."""

from typing import Any

import pytest
from tests.unit.allocation.random_history import POLICIES, keeps_everything, seeds


@pytest.mark.parametrize("seed", seeds(8))
async def test_a_random_history_comes_to_rest_with_everything_kept(
    seed: int, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keeps_everything(seed, world, monkeypatch)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("seed", seeds(1))
async def test_a_random_history_keeps_everything_under_any_policy(
    seed: int, name: str, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.use(POLICIES[name])
    await keeps_everything(seed, world, monkeypatch)
