"""Receipts, counts and adjustments: batches of commands in one transaction.

Rows are locked in one order by all who touch stock: levels by key, then references, then purchase-order
lines by id. A command that breaks a rule is answered with its problem; its neighbours are carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from event_contracts import Event
from inventory_service.application.commands import DocumentType, RecordedLine, RecordStock, StockDocument
from inventory_service.application.events import stock_changed
from inventory_service.application.ports import CountAt, Stock
from inventory_service.application.problems import reference_taken, rule_broken
from inventory_service.domain.purchasing import InboundLine
from inventory_service.domain.stock import (
    BelowZero,
    EntryKind,
    LaterMovements,
    LevelKey,
    Source,
    StockLevel,
    StockRuleBroken,
)
from service_kit.http.problems import FieldError, Problem, unprocessable

_ENTRY_KIND = {"purchase": EntryKind.RECEIPT, "return": EntryKind.RETURN, "opening": EntryKind.OPENING}
_REASON = {"purchase": "receipt"}

Outcome = StockDocument | Problem


async def record_stock(stock: Stock, commands: Sequence[RecordStock], now: datetime) -> list[Outcome]:
    """Carry out the commands (all of one type) in their order; one answer each, in the same order."""
    outcomes: dict[str, Outcome] = await _refuse_unknown(stock, commands)
    valid = [command for command in commands if command.document_id not in outcomes]
    levels = await stock.lock_levels({line.key for command in valid for line in command.lines})
    claimed = await stock.claim_references(valid, now)
    lost = [command for command in valid if command.document_id not in claimed]
    if lost:
        holders = await stock.holders(lost[0].type, {command.reference for command in lost})
        outcomes.update({c.document_id: reference_taken(holders.get(c.reference)) for c in lost})
    mine = [command for command in valid if command.document_id in claimed]
    if mine:
        outcomes.update(await _book(stock, mine, levels, now))
    return [outcomes[command.document_id] for command in commands]


async def _refuse_unknown(stock: Stock, commands: Sequence[RecordStock]) -> dict[str, Outcome]:
    lines = [line for command in commands for line in command.lines]
    unknown_skus = await stock.unknown_skus({line.key.sku for line in lines})
    named = {line.key.location_id for line in lines} | {c.location_id for c in commands if c.location_id}
    unknown_locations = await stock.unknown_locations(named)
    ordered = {line.purchase_order_line_id for line in lines if line.purchase_order_line_id is not None}
    inbound = await stock.inbound_lines(ordered) if ordered else {}
    refused: dict[str, Outcome] = {}
    for command in commands:
        errors = {}
        if command.location_id in unknown_locations:
            errors["/location_id"] = "there is no such location"
        for number, line in enumerate(command.lines):
            if line.key.location_id in unknown_locations:
                errors[line.location_pointer] = "there is no such location"
            if line.key.sku in unknown_skus:
                errors[f"/lines/{number}/sku"] = "there is no such SKU"
            if line.purchase_order_line_id is not None:
                problem = _wrong_inbound(inbound.get(line.purchase_order_line_id), line.key.sku)
                if problem:
                    errors[f"/lines/{number}/purchase_order_line_id"] = problem
        if errors:
            refused[command.document_id] = unprocessable([FieldError(*error) for error in errors.items()])
    return refused


def _wrong_inbound(line: InboundLine | None, sku: str) -> str | None:
    if line is None:
        return "there is no such purchase-order line"
    return None if line.sku == sku else "the purchase-order line is for another SKU"


async def _book(
    stock: Stock, commands: Sequence[RecordStock], levels: dict[LevelKey, StockLevel], now: datetime
) -> dict[str, Outcome]:
    ordered = {line.purchase_order_line_id for c in commands for line in c.lines if line.purchase_order_line_id}
    batch = _Batch(
        levels=levels,
        inbound=await stock.inbound_lines(ordered, lock=True) if ordered else {},
        later=await _later_movements(stock, commands),
        priorities=await stock.priorities({key.location_id for key in levels}),
        now=now,
    )
    outcomes = {command.document_id: batch.carry_out(command) for command in commands}
    rejected = [document_id for document_id, outcome in outcomes.items() if isinstance(outcome, Problem)]
    if rejected:
        await stock.withdraw(rejected)
    await stock.save_levels([level for level in levels.values() if level.entries], now)
    await stock.store_lines([outcome for outcome in outcomes.values() if isinstance(outcome, StockDocument)])
    await stock.save_inbound([line for line in batch.inbound.values() if line.line_id in batch.changed_inbound], now)
    await stock.publish(batch.events)
    return outcomes


async def _later_movements(stock: Stock, commands: Sequence[RecordStock]) -> dict[CountAt, LaterMovements]:
    counts = [
        CountAt(line.key, command.occurred_at)
        for command in commands
        if command.type is DocumentType.COUNT
        for line in command.lines
    ]
    return dict(zip(counts, await stock.later_movements(counts), strict=True)) if counts else {}


@dataclass(slots=True)
class _Batch:
    """The rows of one transaction in memory; a command changes all of its rows or none."""

    levels: dict[LevelKey, StockLevel]
    inbound: dict[str, InboundLine]
    later: Mapping[CountAt, LaterMovements]
    priorities: Mapping[str, int]
    now: datetime
    changed_inbound: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    def carry_out(self, command: RecordStock) -> Outcome:
        keys = {line.key for line in command.lines}
        before = {key: replace(self.levels[key], entries=list(self.levels[key].entries)) for key in keys}
        lines: list[RecordedLine] = []
        errors: list[FieldError] = []
        below_zero = False
        for number, line in enumerate(command.lines):
            level = self.levels[line.key]
            had = level.on_hand
            try:
                self._apply(command, number, level)
            except StockRuleBroken as broken:
                field_name = {"count": "counted_quantity", "adjustment": "delta"}.get(command.type, "quantity")
                errors.append(FieldError(f"/lines/{number}/{field_name}", str(broken)))
                below_zero = below_zero or isinstance(broken, BelowZero)
            change = level.on_hand - had
            lines.append(RecordedLine(number + 1, line.key, line.quantity, line.purchase_order_line_id, change))
        if errors:
            self.levels.update(before)
            return rule_broken("insufficient_stock" if below_zero else "level_too_large", errors)
        self._announce(command, before)
        return StockDocument(
            command.document_id,
            command.type,
            command.reference,
            command.location_id,
            command.kind,
            command.reason,
            command.occurred_at,
            self.now,
            tuple(lines),
        )

    def _apply(self, command: RecordStock, number: int, level: StockLevel) -> None:
        line = command.lines[number]
        source = Source(command.document_id, str(number + 1), command.reason)
        if command.type is DocumentType.RECEIPT:
            level.receive(line.quantity, command.occurred_at, _ENTRY_KIND[command.kind], source)
        elif command.type is DocumentType.COUNT:
            later = self.later[CountAt(line.key, command.occurred_at)]
            level.count(line.quantity, command.occurred_at, later, source)
        else:
            level.adjust(line.quantity, command.occurred_at, source)

    def _announce(self, command: RecordStock, before: Mapping[LevelKey, StockLevel]) -> None:
        """Change the purchase-order lines and make the events: one for each SKU whose rows changed."""
        arrived: dict[str, set[str]] = {}
        for line in command.lines:
            if line.purchase_order_line_id is not None:
                order_line = self.inbound[line.purchase_order_line_id]
                self.inbound[order_line.line_id] = order_line.receive(line.quantity)
                self.changed_inbound.add(order_line.line_id)
                arrived.setdefault(line.key.sku, set()).add(order_line.line_id)
        changed: dict[str, list[StockLevel]] = {}
        for key in sorted(before):
            if self.levels[key].version != before[key].version:
                changed.setdefault(key.sku, []).append(self.levels[key])
        name = "StockReceived" if command.type is DocumentType.RECEIPT else "StockLevelChanged"
        for sku, levels in changed.items():
            event = stock_changed(
                name,
                levels,
                reason=_REASON.get(command.kind, command.kind),
                occurred_at=command.occurred_at,
                priorities=self.priorities,
                inbound=[self.inbound[line_id] for line_id in sorted(arrived.get(sku, ()))],
            )
            self.events.append(event)
