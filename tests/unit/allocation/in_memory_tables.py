"""Tables of lateness in memory: first dates, what became of them, and the versions built of that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from tests.unit.allocation.in_memory_lateness import AnnouncedDate as KeptDate
from tests.unit.allocation.in_memory_state import AllocationState, FirstDate

from allocation_service.application.promising.ports import KeptDates, LatenessState
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.first_promise import Levels, Outcome, OutcomeState, state_after
from allocation_service.domain.lateness.observations import AnnouncedDate
from allocation_service.domain.lateness.past_delivery import PastDelivery
from allocation_service.domain.lateness.quantile_table import DEFAULT_TARGET, NO_HISTORY, QuantileTable
from allocation_service.domain.lateness.table_building import ClosedLine, History, LeadTimeLine


class InMemoryLatenessStore:
    """Implements LatenessStore."""

    def __init__(self, state: AllocationState) -> None:
        self._state = state

    async def state(self) -> LatenessState:
        """See LatenessStore."""
        kept = self._state.lateness
        table: QuantileTable = kept["table"]
        return LatenessState(kept["default_target"], table.version, kept.get("built_for"), kept.get("built_at"))

    async def claim(self) -> LatenessState | None:
        """See LatenessStore. Nobody else folds in memory."""
        return await self.state()

    async def judge(self, today: date, *, whole: bool) -> Sequence[Outcome]:
        """See LatenessStore."""
        due: list[Outcome] = []
        for line_id, first in list(self._state.first_promises.items()):
            known = first
            if whole or first.promise.first_date < today:
                known = self._left(first)
            if known.state == OutcomeState.OPEN and first.promise.first_date < today:
                state = state_after(first.promise.first_date, today, known.served_on, waits=known.served_on is None)
                known = known._replace(state=state)
                one = first.promise
                missed = state == OutcomeState.MISSED
                due.append(Outcome(line_id, one.basis, one.source, one.target, one.first_date, missed))
            self._state.first_promises[line_id] = known
        return due

    def _left(self, first: FirstDate) -> FirstDate:
        line = self._state.lines[first.promise.line_id]
        if line.waiting or first.served_on is not None or first.state == OutcomeState.WITHDRAWN:
            return first
        grants = [
            decision.decided_at
            for decision in self._state.decisions.values()
            for row, _ in decision.rows
            if row.line_id == line.line_id and row.granted > 0 and decision.decided_at > first.promise.asked_at
        ]
        if grants:
            return first._replace(served_on=max(grants).date())
        return first._replace(state=OutcomeState.WITHDRAWN) if first.state == OutcomeState.OPEN else first

    async def levels(self) -> Levels:
        """See LatenessStore."""
        return Levels(dict(self._state.lateness.get("levels", {})))

    async def keep_levels(self, levels: Levels) -> None:
        """See LatenessStore."""
        self._state.lateness["levels"] = levels.by_key

    async def targets(self) -> Collection[int]:
        """See LatenessStore."""
        all_targets = [self._state.lateness["default_target"], *(sku.own_target for sku in self._state.skus.values())]
        return {one for one in all_targets if one is not None} or {DEFAULT_TARGET}

    async def history(self, today: date) -> History:
        """See LatenessStore."""
        deliveries = list(self._state.deliveries.values())
        closed = {
            one.po_line: ClosedLine(one.supplier, one.ordered, one.received, one.observed_at)
            for one in deliveries
            if one.observed_at is not None and one.ordered and one.received is not None
        }
        lead_time_lines = [
            LeadTimeLine(one.promise.sku, one.promise.asked_at.date(), one.promise.lead_time, one.served_on)
            for one in self._state.first_promises.values()
            if one.promise.basis == Basis.LEAD_TIME
            and one.state != OutcomeState.WITHDRAWN
            and one.promise.asked_at.date() < today
        ]
        return History(
            [AnnouncedDate(*one[1:6], one.observed_at is not None) for one in deliveries if one.eta < today],
            list(closed.values()),
            lead_time_lines,
        )

    async def table(self, version: int) -> QuantileTable:
        """See LatenessStore."""
        if version == NO_HISTORY.version:
            return NO_HISTORY
        found: QuantileTable = self._state.tables[version]
        return found

    async def keep_table(self, table: QuantileTable, before: QuantileTable, today: date, now: datetime) -> None:
        """See LatenessStore."""
        assert table.version == before.version + 1
        self._state.tables[table.version] = table
        self._state.lateness |= {"table": table, "built_for": today, "built_at": now}

    async def add_deliveries(self, deliveries: Sequence[PastDelivery]) -> int:
        """See LatenessStore."""
        known, new = {one.po_line for one in self._state.deliveries.values()}, set()
        for delivery in deliveries:
            name = f"history:{delivery.reference}"
            if name in known or name in new:
                continue
            new.add(name)
            for one in delivery.announced():
                self._state.deliveries[len(self._state.deliveries)] = KeptDate(
                    name, *one[:5], delivery.closed_on, delivery.ordered, delivery.received
                )
        return len(new)

    async def kept_dates(self, today: date, days: int) -> KeptDates:
        """See LatenessStore."""
        raise NotImplementedError("what was kept is counted in SQL alone")

    async def set_default_target(self, percent: int | None) -> None:
        """See LatenessStore."""
        self._state.lateness["default_target"] = percent

    async def set_target(self, sku: str, percent: int | None) -> bool:
        """See LatenessStore."""
        known = self._state.skus.get(sku)
        if known is None or not known.known:
            return False
        self._state.skus[sku] = replace(known, own_target=percent)
        return True

    async def targets_of(self, skus: Collection[str]) -> Mapping[str, int | None]:
        """See LatenessStore."""
        return {name: sku.own_target for name, sku in self._state.skus.items() if name in skus and sku.known}

    async def skus_to_judge(self, today: date, limit: int, without: Collection[str]) -> Sequence[str]:
        """See LatenessStore."""
        default, judged = self._state.lateness["default_target"], self._state.judged
        return [
            name
            for name, sku in sorted(self._state.skus.items())
            if sku.waiting_units
            and name not in without
            and (sku.own_target or default) is not None
            and judged.get(name, date.min) < today
        ][:limit]

    async def note_judged(self, skus: Collection[str], today: date) -> None:
        """See LatenessStore."""
        self._state.judged.update(dict.fromkeys(skus, today))
