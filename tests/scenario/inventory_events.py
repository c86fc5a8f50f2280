"""What inventory tells: selling policies, stock levels, what is inbound."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict, Unpack

from tests.scenario.timeline import Timeline

from event_contracts import (
    Event,
    InboundChange,
    InboundLine,
    PurchaseOrderLine,
    SellingMode,
    SkuMerge,
    SkuPolicy,
    StockChange,
    StockLevel,
    new_event,
)
from event_contracts.sources import INVENTORY_SOURCE


class SellingTerms(TypedDict, total=False):
    """What a selling policy says besides its mode."""

    cap: int | None
    lead_time_days: int
    release_at: datetime | None
    category: str | None
    name: str | None


@dataclass
class KnownLevel:
    """The level of a SKU at a location, as it was last told."""

    on_hand: int = 0
    shipped: int = 0
    voided: int = 0


@dataclass(kw_only=True)
class InventoryEvents(Timeline):
    """Inventory's events, each with the next version of its row."""

    levels: dict[tuple[str, str], KnownLevel] = field(default_factory=dict)
    inactive_locations: set[str] = field(default_factory=set)
    inbounds: dict[str, InboundChange] = field(default_factory=dict)
    """Purchase-order lines as they were told last, by id; of receipts, what remained."""

    def sku(self, sku: str, mode: str | None = None, **terms: Unpack[SellingTerms]) -> Event:
        """``SkuPolicyChanged`` with the next selling policy of a SKU; see ``sku_policy``."""
        policy = self.sku_policy(sku, mode, **terms)
        return new_event("SkuPolicyChanged", policy, source=INVENTORY_SOURCE, sequence=policy.version, now=self.wall())

    def sku_policy(self, sku: str, mode: str | None = None, **terms: Unpack[SellingTerms]) -> SkuPolicy:
        """The next selling policy of a SKU. If no mode is said: preorder with a release date, backorder without."""
        usual = SellingMode.PREORDER if terms.get("release_at") else SellingMode.BACKORDER
        stated: SellingTerms = {"lead_time_days": 14, **terms}
        return SkuPolicy(
            sku=sku,
            version=self.next_version("sku policy", sku),
            mode=SellingMode(mode or usual),
            occurred_at=self.next_moment(),
            **stated,
        )

    def stock(
        self,
        sku: str,
        change: int,
        location: str | None = None,
        *,
        shipped: int = 0,
        voided: int = 0,
        priority: int = 100,
        po_line: str | None = None,
        remaining: int = 0,
        active: bool | None = None,
    ) -> Event:
        """The level after ``change`` units arrived (or were lost), ``shipped`` left and ``voided`` never had.

        A receipt on a purchase-order line, or a return of it to the supplier, says how many units of it remain.
        ``active`` says whether anything is allocated from the location from now on.
        """
        location = location or self.location
        if active is not None:
            self.inactive_locations = (self.inactive_locations | {location}) - ({location} if active else set())
        level = self.level_of(sku, location)
        level.on_hand += change - shipped + voided
        level.shipped += shipped
        level.voided += voided
        version = self.next_version("level", sku, location)
        payload = StockChange(
            sku=sku,
            reason="receipt" if change > 0 else "shipment" if shipped else "count",
            occurred_at=self.next_moment(),
            po_lines=() if po_line is None else (self._changed(po_line, remaining),),
            levels=(
                StockLevel(
                    location=location,
                    on_hand=level.on_hand,
                    shipped=level.shipped,
                    voided=level.voided,
                    version=version,
                    priority=priority,
                    active=location not in self.inactive_locations,
                ),
            ),
        )
        name = "StockReceived" if change > 0 else "StockLevelChanged"
        return new_event(name, payload, source=INVENTORY_SOURCE, sequence=version, now=self.wall())

    def linked(self, sku: str, po_line: str, remaining: int, location: str | None = None) -> Event:
        """Units that had come before are deducted from a purchase-order line; the level is told as it is."""
        location = location or self.location
        level = self.level_of(sku, location)
        version = self.counters["level", sku, location]
        payload = StockChange(
            sku=sku,
            reason="receipt_linked",
            occurred_at=self.next_moment(),
            po_lines=(self._changed(po_line, remaining),),
            levels=(
                StockLevel(
                    location=location,
                    on_hand=level.on_hand,
                    shipped=level.shipped,
                    voided=level.voided,
                    version=version,
                ),
            ),
        )
        return new_event("StockLevelChanged", payload, source=INVENTORY_SOURCE, sequence=version)

    def level_of(self, sku: str, location: str | None = None) -> KnownLevel:
        """The level as it was last told; nothing, if it never was."""
        return self.levels.setdefault((sku, location or self.location), KnownLevel())

    def inbound(
        self, sku: str, po_line: str, remaining: int, eta: datetime, *, supplier: str = "S", ordered: int | None = None
    ) -> Event:
        """A purchase-order line as it is now: scheduled at first, later rescheduled, cancelled when nothing remains."""
        version = self.next_version("purchase-order line", po_line)
        payload = InboundChange(
            sku=sku,
            po_line=po_line,
            remaining=remaining,
            eta=eta,
            supplier=supplier,
            location=self.location,
            version=version,
            occurred_at=self.next_moment(),
            ordered=ordered,
        )
        self.inbounds[po_line] = payload
        name = "InboundCancelled" if not remaining else "InboundScheduled" if version == 1 else "InboundRescheduled"
        return new_event(name, payload, source=INVENTORY_SOURCE, sequence=version, now=self.wall())

    def merged(self, sku: str, *names: str, version: int = 1) -> Event:
        """``SkuMerged``: ``names`` are called ``sku`` from now on, which has what they had."""
        levels = []
        for location in sorted({place for name, place in self.levels if name in {sku, *names}}):
            own = self.level_of(sku, location)
            for name in names:
                one = self.level_of(name, location)
                own.on_hand, own.shipped, own.voided = (
                    own.on_hand + one.on_hand, own.shipped + one.shipped, own.voided + one.voided
                )  # fmt: skip
                self.levels[name, location] = KnownLevel()
            levels.append(
                StockLevel(
                    location=location,
                    on_hand=own.on_hand,
                    shipped=own.shipped,
                    voided=own.voided,
                    version=self.next_version("level", sku, location),
                    active=location not in self.inactive_locations,
                )
            )
        lines = []
        for po_line, told in self.inbounds.items():
            if told.sku in names:
                version_of_line = self.next_version("purchase-order line", po_line)
                self.inbounds[po_line] = told.model_copy(update={"sku": sku})
                terms = {"eta": told.eta, "supplier": told.supplier, "location": told.location}
                lines.append(InboundLine(id=po_line, remaining=told.remaining, version=version_of_line, **terms))
        payload = SkuMerge(
            sku=sku,
            merged=names,
            version=version,
            levels=tuple(levels),
            po_lines=tuple(one for one in lines if one.remaining),
            occurred_at=self.next_moment(),
        )
        return new_event("SkuMerged", payload, source=INVENTORY_SOURCE, sequence=version, now=self.wall())

    def _changed(self, po_line: str, remaining: int) -> PurchaseOrderLine:
        version = self.next_version("purchase-order line", po_line)
        if po_line in self.inbounds:
            self.inbounds[po_line] = self.inbounds[po_line].model_copy(update={"remaining": remaining})
        return PurchaseOrderLine(id=po_line, remaining=remaining, version=version)
