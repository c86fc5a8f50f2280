"""Sharing supply among claims of which some, together, may have no more than a cap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from allocation_service.domain.allocating.fair_share import Claim, divide
from allocation_service.domain.policies.policy import Share


class Cap(NamedTuple):
    """Claims (by number, ascending) that together may have no more than ``units``."""

    units: int
    members: tuple[int, ...]


class Portion(NamedTuple):
    """Units for a claim, and the cap (by number) that kept it from more; None where no cap did."""

    units: int
    cap: int | None


def divide_capped(share: Share, claims: Sequence[Claim], supply: int, caps: Sequence[Cap]) -> list[Portion]:
    """Units for each claim: as ``divide``, and what a cap takes from its members goes to the others.

    The smallest group whose shares break its cap divides the cap by itself and is done; the rest divide
    what remains, until no cap is broken. Each round is a division, and there are at most as many as caps.
    """
    if not caps:
        return [Portion(units, None) for units in divide(share, claims, supply)]
    return _CappedShareSearch(share, claims, supply, caps).run()


class _CappedShareSearch:
    def __init__(self, share: Share, claims: Sequence[Claim], supply: int, caps: Sequence[Cap]) -> None:
        self.share, self.claims, self.supply = share, claims, supply
        self.members = [cap.members for cap in caps]
        self.left = [max(0, cap.units) for cap in caps]
        self.caps_of: list[list[int]] = [[] for _ in claims]
        for number, members in enumerate(self.members):
            for n in members:
                self.caps_of[n].append(number)
        self.given = [0] * len(claims)
        self.bound: list[int | None] = [None] * len(claims)
        self.open = [True] * len(claims)

    def run(self) -> list[Portion]:
        while True:
            rest = [n for n, is_open in enumerate(self.open) if is_open]
            shares = self._divide(rest, self.supply)
            broken = [
                number
                for number, members in enumerate(self.members)
                if sum(shares[n] for n in members if self.open[n]) > self.left[number]
            ]
            if not broken:
                self._give(shares, None)
                break
            smallest = min(broken, key=lambda number: (self._claimed(number), self.left[number], number))
            group = [n for n in self.members[smallest] if self.open[n]]
            self._give(self._divide(group, min(self.supply, self.left[smallest])), smallest)
        self._hand_out_the_rest()
        return [Portion(units, cap) for units, cap in zip(self.given, self.bound, strict=True)]

    def _divide(self, numbers: Sequence[int], supply: int) -> dict[int, int]:
        return dict(zip(numbers, divide(self.share, [self.claims[n] for n in numbers], supply), strict=True))

    def _claimed(self, number: int) -> int:
        return sum(self.claims[n].units for n in self.members[number] if self.open[n])

    def _give(self, shares: dict[int, int], cap: int | None) -> None:
        """Whoever belongs to two groups may be kept from its share in one by the cap of the other."""
        for n, units in shares.items():
            self.open[n] = False
            self.bound[n] = cap
            self._add(n, units)

    def _add(self, n: int, units: int) -> None:
        tightest = min(self.caps_of[n], key=self.left.__getitem__, default=None)
        if tightest is not None and self.left[tightest] < units:
            units, self.bound[n] = self.left[tightest], tightest
        self.given[n] += units
        self.supply -= units
        for number in self.caps_of[n]:
            self.left[number] -= units

    def _hand_out_the_rest(self) -> None:
        """Where groups overlap, what one cap refused may still be open to others: in the claims' order."""
        for n, claim in enumerate(self.claims):
            if not self.supply:
                return
            self._add(n, min(self.supply, claim.units - self.given[n]))
