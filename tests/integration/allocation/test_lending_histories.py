"""Random histories of loans on a real database, told to two workers at once: every loan is accounted for."""

from typing import Any

import pytest
from tests.unit.allocation.loan_history import accounts_for_every_loan
from tests.unit.allocation.random_history import seeds


@pytest.mark.parametrize("seed", seeds(3))
async def test_a_random_history_of_loans_comes_to_rest_with_everything_kept(
    seed: int, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts_for_every_loan(seed, world, monkeypatch)
