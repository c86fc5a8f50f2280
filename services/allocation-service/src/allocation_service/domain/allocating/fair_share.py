"""Dividing supply that does not reach among equals. Whole units, exact, the same answer every time.

Every rule here is consistent from above: sharing a part of what was shared, with the shares as claims, gives
what sharing that part at once would have given (``proportional`` within a unit). So the reverse of handing
out is the same division again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import lcm
from typing import NamedTuple

from allocation_service.domain.policies.policy import Share


class Claim(NamedTuple):
    """What somebody asks for. Claims are listed in the order they are served: an odd unit goes to the first.

    ``weight`` comes from the contract, never from the size of the claim; ``party`` names who claims.
    """

    units: int
    weight: int = 1
    party: str = ""


def divide(share: Share, claims: Sequence[Claim], supply: int) -> list[int]:
    """Units for each claim, all of the supply or all of the claims."""
    wanted = sum(claim.units for claim in claims)
    if supply >= wanted:
        return [claim.units for claim in claims]
    if supply <= 0:
        return [0] * len(claims)
    match share:
        case Share.PROPORTIONAL:
            return proportional([claim.units for claim in claims], supply)
        case Share.MAX_MIN:
            return _by_party(claims, supply, losses=False)
        case Share.UNIFORM_LOSSES:
            return _by_party(claims, supply, losses=True)
    return sequential([claim.units for claim in claims], supply)


def sequential(units: Sequence[int], supply: int) -> list[int]:
    """First come, first served."""
    shares = []
    for wanted in units:
        given = min(wanted, supply)
        shares.append(given)
        supply -= given
    return shares


def proportional(units: Sequence[int], supply: int) -> list[int]:
    """The same part of every claim, odd units by largest remainder (Hamilton)."""
    wanted = sum(units)
    if supply >= wanted:
        return list(units)
    shares = [one * supply // wanted for one in units]
    odd = supply - sum(shares)
    if odd:
        largest = sorted(range(len(units)), key=lambda n: -(units[n] * supply % wanted))
        for n in largest[:odd]:
            shares[n] += 1
    return shares


def max_min(units: Sequence[int], weights: Sequence[int], supply: int) -> list[int]:
    """Uniform gains g = min(d, w·λ): whoever wants less than a fair share gets all of it, the rest gets the same
    per weight.

    Unit j (from 0) of a claim stands at (2j + 1) / 2w, so that λ rounds to the nearest unit (Sainte-Laguë);
    the units that stand first are given, at the same mark those of the first claims. More supply never
    takes a unit from anybody. O(n log n), exact: marks are multiples of 1 / 2L, L the least common multiple
    of the weights.
    """
    if supply >= sum(units):
        return list(units)
    scale = lcm(*weights) if weights else 1
    steps = [scale // weight for weight in weights]
    curve = _Curve(units, steps)
    low, high = 0, 2 * max((one * step for one, step in zip(units, steps, strict=True)), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if curve.given(middle) <= supply:
            low = middle
        else:
            high = middle - 1
    shares = [min(one, _before(low, step)) for one, step in zip(units, steps, strict=True)]
    odd = supply - sum(shares)
    for n, step in enumerate(steps):
        if not odd:
            break
        if shares[n] < units[n] and (2 * shares[n] + 1) * step == low:
            shares[n] += 1
            odd -= 1
    return shares


def uniform_losses(units: Sequence[int], supply: int) -> list[int]:
    """The same loss for every claim as far as it goes, g = max(0, d − μ); an odd unit is lost by the last."""
    missing = sum(units) - supply
    if missing <= 0:
        return list(units)
    losses = max_min(units[::-1], [1] * len(units), missing)
    return [one - loss for one, loss in zip(units, reversed(losses), strict=True)]


def _before(mark: int, step: int) -> int:
    """Units whose marks (2j + 1)·step stand before ``mark``."""
    return (mark + step - 1) // (2 * step) if mark > 0 else 0


class _Curve:
    """How much is given up to a mark; claims of the same weight are counted together."""

    def __init__(self, units: Sequence[int], steps: Sequence[int]) -> None:
        groups: dict[int, list[int]] = {}
        for one, step in zip(units, steps, strict=True):
            groups.setdefault(step, []).append(one)
        self._groups = []
        for step, sizes in groups.items():
            sizes.sort()
            self._groups.append((step, sizes, list(accumulate(sizes, initial=0))))

    def given(self, mark: int) -> int:
        total = 0
        for step, sizes, sums in self._groups:
            each = _before(mark, step)
            whole = bisect_right(sizes, each)
            total += sums[whole] + each * (len(sizes) - whole)
        return total


def _by_party(claims: Sequence[Claim], supply: int, *, losses: bool) -> list[int]:
    """Parties share, however many claims each of them made; its claims are served in their order."""
    wanted: dict[str, int] = {}
    weights: dict[str, int] = {}
    for claim in claims:
        wanted[claim.party] = wanted.get(claim.party, 0) + claim.units
        weights[claim.party] = max(claim.weight, weights.get(claim.party, 0))
    units = list(wanted.values())
    shares = uniform_losses(units, supply) if losses else max_min(units, list(weights.values()), supply)
    left = dict(zip(wanted, shares, strict=True))
    given = []
    for claim in claims:
        part = min(claim.units, left[claim.party])
        left[claim.party] -= part
        given.append(part)
    return given
