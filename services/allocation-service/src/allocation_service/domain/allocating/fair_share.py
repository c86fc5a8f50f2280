"""Dividing supply that does not reach among equals. Whole units, exact, the same answer every time.

Every rule here is consistent from above (composition down): sharing a part of what was shared, with the shares as
claims, gives what sharing that part at once would have given (``proportional`` within a unit). So the reverse of
handing out is the same division again.

It is consistent from below, too (composition up): supply that comes in parts, each shared among the claims that are
left, gives what all of it at once would have given (``proportional`` within a unit). For divisible goods the claims
that are left suffice (Thomson, How to Divide When There Isn't Enough, 2019: constrained equal awards, constrained equal
losses, proportional). Whole units are rounded, and whoever is first would gain by each rounding: so ``had`` says what
each claim was given before, and counts as far as rounding explains it. What was given beyond that, to somebody who came
earlier, is not held against anybody.
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

    ``weight`` comes from the contract, never from the size of the claim; ``party`` names who claims; ``had``: units
    that it was given before, beside those it claims.
    """

    units: int
    weight: int = 1
    party: str = ""
    had: int = 0


def divide(share: Share, claims: Sequence[Claim], supply: int) -> list[int]:
    """Units for each claim, all of the supply or all of the claims."""
    wanted = sum(claim.units for claim in claims)
    if supply >= wanted:
        return [claim.units for claim in claims]
    if supply <= 0:
        return [0] * len(claims)
    match share:
        case Share.PROPORTIONAL:
            return proportional([claim.units for claim in claims], supply, [claim.had for claim in claims])
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


def proportional(units: Sequence[int], supply: int, had: Sequence[int] = ()) -> list[int]:
    """The same part of every claim, odd units by largest remainder (Hamilton)."""
    wanted = sum(units)
    if supply >= wanted:
        return list(units)
    if any(had):
        return _proportional_behind(units, supply, had)
    shares = [one * supply // wanted for one in units]
    odd = supply - sum(shares)
    if odd:
        largest = sorted(range(len(units)), key=lambda n: -(units[n] * supply % wanted))
        for n in largest[:odd]:
            shares[n] += 1
    return shares


def _proportional_behind(units: Sequence[int], supply: int, had: Sequence[int]) -> list[int]:
    """As ``proportional``; what rounding gave a claim more or less than its part before, a unit at most, counts.

    The exact share of a claim is n / (wanted · whole). Its units stand at this height and one below the other, and the
    highest are given.
    """
    wanted, given = sum(units), sum(had)
    whole = wanted + given
    exact = []
    for one, before in zip(units, had, strict=True):
        lacks = min(whole, max(-whole, (one + before) * given - before * whole))
        exact.append(one * supply * whole + lacks * (wanted - supply))
    unit = wanted * whole
    turns = sorted(range(len(units)), key=lambda n: -((exact[n] - 1) % unit))
    heights = [-(-exact[n] // unit) for n in turns]
    top = max(heights)
    marks = [top - height for height in heights]
    shares = [0] * len(units)
    for n, share in zip(turns, _lowest([units[n] for n in turns], [1] * len(units), marks, supply), strict=True):
        shares[n] = share
    return shares


def max_min(units: Sequence[int], weights: Sequence[int], supply: int, had: Sequence[int] = ()) -> list[int]:
    """Uniform gains g = min(d, w·λ): whoever wants less than a fair share gets all of it, the rest gets the same
    per weight.

    Unit j (from 0, behind those it ``had``) of a claim stands at (2j + 1) / 2w, so that λ rounds to the nearest unit
    (Sainte-Laguë); the units that stand first are given, at the same mark those of the first claims. More supply never
    takes a unit from anybody. O(n log n), exact: marks are multiples of 1 / 2L, L the least common multiple
    of the weights.
    """
    if supply >= sum(units):
        return list(units)
    scale = lcm(*weights) if weights else 1
    steps = [scale // weight for weight in weights]
    return _lowest(units, steps, _rounded(units, steps, had) if any(had) else [0] * len(units), supply)


def _rounded(units: Sequence[int], steps: Sequence[int], had: Sequence[int]) -> list[int]:
    """What claims had, as far as rounding explains that it is more than the least of them had for its weight: by a unit
    of the lightest."""
    open_claims = [n for n, one in enumerate(units) if one]
    least = min(had[n] * steps[n] for n in open_claims)
    reached = least + max(steps[n] for n in open_claims)
    return [min(before, reached // step) for before, step in zip(had, steps, strict=True)]


def _lowest(units: Sequence[int], steps: Sequence[int], had: Sequence[int], supply: int) -> list[int]:
    """The units that stand at the lowest marks, (2j + 1)·step for unit j of a claim, from ``had`` on."""
    tops = [before + one for before, one in zip(had, units, strict=True)]
    reached, passed = _Curve(tops, steps), _Curve(had, steps) if any(had) else None
    low, high = 0, 2 * max((top * step for top, step in zip(tops, steps, strict=True)), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if reached.given(middle) - (passed.given(middle) if passed else 0) <= supply:
            low = middle
        else:
            high = middle - 1
    ends = [min(top, max(before, _before(low, step))) for top, before, step in zip(tops, had, steps, strict=True)]
    odd = supply - sum(ends) + sum(had)
    for n, step in enumerate(steps):
        if not odd:
            break
        if ends[n] < tops[n] and (2 * ends[n] + 1) * step == low:
            ends[n] += 1
            odd -= 1
    return [end - before for end, before in zip(ends, had, strict=True)]


def uniform_losses(units: Sequence[int], supply: int) -> list[int]:
    """The same loss for every claim as far as it goes, g = max(0, d − μ); an odd unit is lost by the last.

    Also known as constrained equal losses. What is left of the claims says all: the largest get the next units.
    """
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
    had: dict[str, int] = {}
    for claim in claims:
        wanted[claim.party] = wanted.get(claim.party, 0) + claim.units
        had[claim.party] = had.get(claim.party, 0) + claim.had
        weights[claim.party] = max(claim.weight, weights.get(claim.party, 0))
    units = list(wanted.values())
    if losses:
        shares = uniform_losses(units, supply)
    else:
        shares = max_min(units, list(weights.values()), supply, list(had.values()))
    left = dict(zip(wanted, shares, strict=True))
    given = []
    for claim in claims:
        part = min(claim.units, left[claim.party])
        left[claim.party] -= part
        given.append(part)
    return given
