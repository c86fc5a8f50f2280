"""Why a demand got what it got, in words that are stored, served and shown."""

from __future__ import annotations

from typing import NamedTuple

from allocation_service.domain.policies.policy import Share

GRANTED = "granted"
PARTLY = "partly: supply ran out"
RAN_OUT = "waits: supply ran out"
INCOMPLETE = "waits: order ships complete"
DEFERRED = "deferred: its order is decided by itself, with all of its SKUs locked"
BEHIND = "deferred: stands behind an order that is being decided by itself"
TAKEN_BACK = "taken back: less stock than granted"


class Limit(NamedTuple):
    """At most ``units`` can be given; ``why`` names what stands in the way of more, ``prefix`` goes before
    it where nothing can be given at all."""

    units: int
    why: str = "supply ran out"
    prefix: str = "waits: "

    def reason(self, given: int, wanted: int) -> str:
        """Why ``given`` of ``wanted`` units."""
        if given == wanted:
            return GRANTED
        return f"partly: {self.why}" if given else f"{self.prefix}{self.why}"


def moved_by_run(change: int, strategy: str) -> str:
    """What a run did to a line that took part in it."""
    verb = "granted by a run" if change > 0 else "taken back by a run" if change < 0 else "unchanged by a run"
    return f"{verb}: {strategy}"


def held_back(units: int, tier: str, kept: int) -> Limit:
    """Stock is kept for better tiers that are expected to order before the next receipt."""
    return Limit(units, f"held back for tier {tier}: {kept} kept", "")


def used_up(units: int, field: str, name: str, quota: int) -> Limit:
    """The channel or region has had its quota since the last receipt."""
    return Limit(units, f"quota of {quota} for {field} {name} used up")


def kept_for_others(units: int) -> Limit:
    """Stock is kept for an order that was passed as often as may be."""
    return Limit(units, "bypass limit", "skipped: ")


def kept_for_it(passed: int) -> str:
    """The order itself still waits, but nobody passes it any more."""
    return f"{INCOMPLETE}, passed {passed} times: its stock is kept"


def shared_loss(share: Share) -> str:
    """A class that shares what it is given shares what it loses."""
    words = {Share.PROPORTIONAL: "in proportion", Share.MAX_MIN: "by max-min", Share.UNIFORM_LOSSES: "evenly"}
    return f"{TAKEN_BACK}, the loss is shared {words.get(share, 'in turn')}"
