"""Keeping the share of missed promises where it should be, also when suppliers change.

Quantiles hold for a next one that is like the last ones. Where it is not, the share of misses is moved to the target by
feedback: after each promise that came due, alpha rises a little if it was kept, and falls if it was missed (adaptive
conformal inference; Gibbs and Candes, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021).
"""

from __future__ import annotations

from typing import NamedTuple

STEP = 0.003
"""gamma of a supplier: how far one outcome moves its alpha."""
POOL_STEP = STEP / 2
"""gamma of all suppliers together."""
LEAST, MOST = 0.005, 0.2
"""Bounds of alpha."""
_HALF_TRUST = 100
"""Outcomes at which a supplier's own alpha counts half."""


class AdaptiveLevel(NamedTuple):
    """The share of misses that quantiles are asked for, so that the share that comes about is the target's."""

    alpha: float
    outcomes: int = 0

    def after(self, *, missed: bool, target: float, step: float = STEP) -> AdaptiveLevel:
        """alpha <- clip(alpha + gamma (alpha* - miss)); ``target`` is alpha*, the share of misses wanted."""
        moved = self.alpha + step * (target - missed)
        return AdaptiveLevel(min(MOST, max(LEAST, moved)), self.outcomes + 1)


def start(target: float) -> AdaptiveLevel:
    """Before any outcome."""
    return AdaptiveLevel(min(MOST, max(LEAST, target)))


def blended(own: AdaptiveLevel | None, pool: AdaptiveLevel) -> float:
    """The alpha of a supplier: its own counts n/(n+100), the rest is everybody's."""
    if own is None:
        return pool.alpha
    weight = own.outcomes / (own.outcomes + _HALF_TRUST)
    return weight * own.alpha + (1 - weight) * pool.alpha
