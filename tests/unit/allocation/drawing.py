"""Supply, demand and policies of every kind, for the properties of a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import prod
from typing import Any

from hypothesis import strategies as st

from allocation_service.domain.allocating.guards import Context
from allocation_service.domain.policies.policy import (
    NO_DATE,
    Ageing,
    Complete,
    Demand,
    Expectation,
    Holdback,
    Location,
    Policy,
    Quota,
    Share,
    Sort,
    Supply,
    TierTerms,
    ValueIndex,
    Weights,
)
from allocation_service.domain.promising.promise_dates import UNDATED, Outlook

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SKUS = ("A", "B")
TIERS = (TierTerms("gold", 4, 40, 3), TierTerms("silver", 2, 30, 7), TierTerms("standard", 1, 20, 14))
Supplies = dict[str, Supply]


def _choices(draw: st.DrawFn, *options: Sequence[Any]) -> list[Any]:
    """One of each, all from a single number, the first ones from 0: drawing is most of what a property costs."""
    number = draw(st.integers(0, prod(len(one) for one in options) - 1))
    found = []
    for one in options:
        number, n = divmod(number, len(one))
        found.append(one[n])
    return found


_DAYS = (NO_DATE, *(date(2026, 3, day) for day in (1, 2, 5, 12, 20)))
_CLAIMS = (None, UNDATED, date(2026, 3, 2), date(2026, 3, 12))
"""What a demand claims; None: the day that it is promised for."""


def units_left(outlook: Outlook, day: date) -> int:
    """S(t) - C(t): negative where more is promised of known supply by a day than is expected by then."""
    return sum(one.units for one in outlook.expected if one.day <= day) - sum(
        units for promised, units in outlook.backed.items() if promised <= day
    )


@st.composite
def demands(draw: st.DrawFn, *, complete: bool = True) -> list[Demand]:
    """Demands on two SKUs; some of the orders ship complete, and some of those cannot be decided here."""
    found = []
    for number in range(draw(st.integers(0, 9))):
        whole, locked, skus, tier, bypassed, customer, channel, region, day = _choices(
            draw,
            (False, True) if complete else (False,),
            (True, True, True, False),
            ("A", "AB", "B", "AA"),
            range(4),
            range(4),
            (None, "c1", "c2", "c3"),
            (None, "web"),
            (None, "north"),
            _DAYS,
        )
        for part, sku in enumerate(skus if locked or not whole else skus[:1]):
            units, days, minutes, promised, preference, value, claimed, backed, granted = _choices(
                draw, range(1, 8), range(41), range(3), _DAYS, (None, "X", "Y"), (0, 500, 90_000), _CLAIMS,
                (False, True), (0, 4),
            )  # fmt: skip
            told = None if promised == NO_DATE else promised
            found.append(
                Demand(
                    f"l{number}-{part}",
                    f"o{number}",
                    sku,
                    units,
                    NOW - timedelta(days=days, minutes=minutes),
                    tier,
                    day,
                    told,
                    preference,
                    whole,
                    locked or not whole,
                    customer_id=customer,
                    channel=channel,
                    region=region,
                    unit_value=value,
                    bypassed=bypassed,
                    claim_date=(told or UNDATED) if claimed is None else claimed,
                    backed=backed,
                    granted=0 if whole else granted,
                )
            )
    return found


@st.composite
def supplies(draw: st.DrawFn) -> Supplies:
    """Two SKUs at two locations; some with demand that is expected."""
    found = {}
    for sku in SKUS:
        x, y, day, lead, kept, *tiers = _choices(
            draw, range(13), range(13), _DAYS, (0, 10), _DAYS, *[_EXPECTED] * len(TIERS), (False, True)
        )
        locations = (Location("X", 1, x), Location("Y", 2, y))
        forecast = tuple(tiers[:-1]) if tiers[-1] else None
        through = None if kept == NO_DATE else kept
        found[sku] = Supply(sku, locations, None if day == NO_DATE else day, lead, forecast, through)
    return found


_EXPECTED = tuple(Expectation(*one) for one in ((0.0, 0.5), (0.7, 0.5), (0.7, 6.0), (3.0, 6.0)))
SUPPLIES = supplies()


@st.composite
def policies(draw: st.DrawFn, sorts: Sequence[Sort] = tuple(Sort), shares: Sequence[Share] = tuple(Share)) -> Policy:
    """Policies with any of the guards, or none."""
    sort, protect, share, dated, valued, most, held, web, north = _choices(
        draw,
        sorts,
        (False, True),
        shares,
        (0, 30),
        (0, 50),
        (None, 2),
        (False, True),
        (None, 0, 3, 8),
        (None, 0, 3, 8),
    )
    step, oldest, limit, complete = _choices(draw, (None, 4, 9), (12, 30), (None, 0, 1, 3), tuple(Complete))
    quotas = (Quota("channel", "web", web), Quota("region", "north", north))
    return Policy(
        "p",
        1,
        sort,
        protect,
        share,
        TIERS,
        ValueIndex(Weights(dated, 100, 100, valued), 30),
        Holdback(max_units=most) if held else None,
        tuple(one for one in quotas if one.units is not None),
        Ageing(step, oldest) if step else None,
        limit,
        complete if sort is Sort.VALUE_INDEX else Complete.GREEDY,
    )


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    """What was used, kept and chosen before."""
    used, kept, chosen = _choices(draw, (None, (0, 0), (2, 0), (1, 5)), (0, 1, 5), (False, True))
    orders = draw(st.sets(st.integers(0, 8))) if chosen else None
    return Context(
        quota_used={"A": used} if used else {},
        kept={"A": kept} if kept else {},
        chosen=tuple(f"o{n}" for n in sorted(orders)) if orders is not None else None,
    )


CONTEXTS = contexts()
BLOCKED = st.sampled_from(((), (), (), ("A",)))
