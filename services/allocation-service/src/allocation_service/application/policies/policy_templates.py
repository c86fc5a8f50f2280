"""Ready-made policies to start from, made for the tiers that the service knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from allocation_service.domain.policies.policy import DEFAULT_TIERS, Ageing, Holdback, Policy, Share, Sort, TierTerms

_MOST_WEIGHT = 1000


class Template(NamedTuple):
    """A policy to copy from; its name is no policy's name."""

    name: str
    summary: str
    policy: Policy


def tier_terms(names: Sequence[str]) -> tuple[TierTerms, ...]:
    """Terms for tiers of these names, the best first.

    A tier weighs twice as much as the next, is due in half the time (14 days for the last), and is ten
    days more patient (20 for the last); the tiers of the standard setting have those of ``DEFAULT_TIERS``.
    """
    if tuple(names) == tuple(tier.name for tier in DEFAULT_TIERS):
        return DEFAULT_TIERS
    terms = []
    for above_last, name in enumerate(reversed(names)):
        weight = min(_MOST_WEIGHT, 2**above_last)
        terms.append(TierTerms(name, weight, 20 + 10 * above_last, max(1, 14 // 2**above_last)))
    return tuple(reversed(terms))


def templates(tier_names: Sequence[str]) -> tuple[Template, ...]:
    """All templates, the plainest first."""
    tiers = tier_terms(tier_names)
    plain = Policy(tiers=tiers)
    holdback = Holdback() if len(tiers) > 1 else None
    return (
        Template("fifo", "First come, first served: the order a customer would call fair.", plain),
        Template(
            "priority",
            "The better tier first, then who needs it sooner; nobody waits longer than 30 days for that.",
            plain._replace(sort=Sort.PRIORITY, ageing=Ageing(step_days=10, max_days=30)),
        ),
        Template(
            "value-index",
            "Whoever it costs most to let wait for the next receipt first; units are kept for better tiers,"
            " and whoever has waited for 30 days goes to the top.",
            plain._replace(sort=Sort.VALUE_INDEX, holdback=holdback, ageing=Ageing(step_days=10, max_days=30)),
        ),
        Template(
            "wholesale",
            "What there is is shared evenly among customers, by the weight of their tiers;"
            " ordering more than one needs gains nothing.",
            plain._replace(sort=Sort.FIFO, share=Share.MAX_MIN),
        ),
    )
