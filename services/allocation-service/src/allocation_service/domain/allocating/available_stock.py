"""Stock while it is being handed out: from which location, and together where it was asked for together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allocation_service.domain.policies.policy import Grants, Supply


class AvailableStock:
    """Free units of a SKU per location while a decision is being made."""

    def __init__(self, supply: Supply) -> None:
        ordered = sorted(supply.locations, key=lambda location: (location.priority, location.name))
        self.free = {location.name: location.free for location in ordered if location.free > 0}
        self.total = sum(self.free.values())

    def take(self, units: int, preference: str | None) -> Grants:
        """Up to ``units``: the preferred location first, then by priority, then by name."""
        first = preference if preference in self.free else next(iter(self.free), None)
        if first is not None and units < self.free[first]:
            # Nearly always: one location has enough.
            self.free[first] -= units
            self.total -= units
            return ((first, units),) if units else ()
        taken: list[tuple[str, int]] = []
        units = min(units, self.total)
        order: Iterable[str] = tuple(self.free)
        if preference in self.free:
            order = (preference, *(name for name in order if name != preference))
        for name in order:
            if not units:
                break
            part = min(units, self.free[name])
            taken.append((name, part))
            units -= part
            self.total -= part
            if part == self.free[name]:
                del self.free[name]
            else:
                self.free[name] -= part
        return tuple(taken)


def one_location(
    available: Mapping[str, AvailableStock], needed: Mapping[str, int], preference: str | None
) -> str | None:
    """A location that can send all that is needed, so that what was asked together leaves together."""
    candidates = list(available[next(iter(needed))].free)
    if preference in candidates:
        candidates.insert(0, preference)
    for name in candidates:
        if all(available[sku].free.get(name, 0) >= units for sku, units in needed.items()):
            return name
    return None
