"""What every implementation of the stores of stock levels and stock documents does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.unit.inventory.store_suite import Suite, at

from inventory_service.application.queries import DocumentFilter, EntryPosition, LedgerFilter, LevelPosition
from inventory_service.domain.customer_orders import ShipmentLine
from inventory_service.domain.document_types import DocumentType, ReceiptKind
from inventory_service.domain.stock_document import RecordedLine, StatedDocument, StockDocument
from inventory_service.domain.stock_level import (
    BookedShipment,
    CountAt,
    EntryKind,
    LaterMovements,
    LevelKey,
    Source,
    StockLevel,
)
from service_kit.testing.clock import FakeClock

LAMP, CHAIR, SOUTHERN_LAMP = LevelKey("lamp", "main"), LevelKey("chair", "main"), LevelKey("lamp", "south")
SOURCE = Source("document", "1", "why")


def a_document(
    document_id: str, reference: str = "", document_type: DocumentType = DocumentType.RECEIPT, **more: Any
) -> StatedDocument:
    kind = ReceiptKind.PURCHASE.value if document_type is DocumentType.RECEIPT else document_type.value
    values = {"location_id": "main", "kind": kind, "occurred_at": at(1), "lines": ()}
    return StatedDocument(document_id, document_type, reference or document_id, **{**values, **more})


def recorded(document: StatedDocument, recorded_at: datetime, *lines: RecordedLine) -> StockDocument:
    return StockDocument(
        document_id=document.document_id,
        type=document.type,
        reference=document.reference,
        location_id=document.location_id,
        kind=document.kind,
        reason=document.reason,
        occurred_at=document.occurred_at,
        recorded_at=recorded_at,
        lines=lines,
    )


class StockLevelSuite(Suite):
    """Levels, the ledger, and the questions about them."""

    async def save(self, units: Any, *changes: tuple[LevelKey, int, int]) -> None:
        """Receive units: key, quantity, hour."""
        async with units.begin() as uow:
            levels = await uow.levels.lock({key for key, _, _ in changes})
            for key, quantity, hour in changes:
                levels[key].receive(quantity, at(hour), EntryKind.RECEIPT, SOURCE)
            await uow.levels.save(levels.values())
            await uow.commit()

    async def test_a_level_that_does_not_exist_is_locked_at_zero(self, units: Any) -> None:
        async with units.begin() as uow:
            levels = await uow.levels.lock([SOUTHERN_LAMP, CHAIR])
        assert list(levels.items()) == [(CHAIR, StockLevel(CHAIR)), (SOUTHERN_LAMP, StockLevel(SOUTHERN_LAMP))]

    async def test_a_level_created_by_a_lock_is_gone_without_a_commit(self, units: Any) -> None:
        async with units.begin() as uow:
            await uow.levels.lock([LAMP])
        async with units.reading() as uow:
            assert await uow.queries.levels(skus=[], location_id=None, after=None, limit=5) == []

    async def test_a_saved_level_is_locked_again_as_it_was_without_its_entries(self, units: Any) -> None:
        async with units.begin() as uow:
            level = (await uow.levels.lock([LAMP]))[LAMP]
            level.receive(5, at(1), EntryKind.RECEIPT, SOURCE)
            level.count(7, at(2), LaterMovements(), SOURCE)
            level.ship(3, at(3), SOURCE)
            await uow.levels.save([level])
            await uow.commit()
        async with units.begin() as uow:
            assert (await uow.levels.lock([LAMP]))[LAMP] == replace(level, entries=[])
        assert (level.on_hand, level.shipped, level.version, level.counted_at) == (4, 3, 3, at(2))

    async def test_entries_are_appended_in_their_order_with_their_source(self, units: Any, clock: FakeClock) -> None:
        recorded_at = clock.advance(timedelta(minutes=1))
        await self.save(units, (LAMP, 5, 1), (LAMP, 6, 1))
        async with units.reading() as uow:
            last, first = await uow.queries.ledger_entries(LedgerFilter(), before=None, limit=5)
        assert first.entry_id < last.entry_id
        assert (first.kind, first.on_hand_delta, first.shipped_delta, first.supply_delta) == ("receipt", 5, 0, 5)
        assert (last.on_hand_after, last.shipped_after, last.version) == (11, 0, 2)
        assert (last.occurred_at, last.recorded_at) == (at(1), recorded_at)
        assert (last.document_id, last.line_id, last.reason) == ("document", "1", "why")

    async def test_saving_nothing_changes_nothing(self, units: Any) -> None:
        async with units.begin() as uow:
            await uow.levels.save([])
            assert await uow.levels.lock([]) == {}

    async def test_later_movements_are_summed_in_the_order_of_business_time(self, units: Any) -> None:
        async with units.begin() as uow:
            level = (await uow.levels.lock([LAMP]))[LAMP]
            level.receive(10, at(1), EntryKind.RECEIPT, SOURCE)
            level.adjust(3, at(9), SOURCE)
            level.adjust(-5, at(5), SOURCE)
            level.ship(2, at(7), SOURCE)
            await uow.levels.save([level])
            await uow.commit()
        hours = {0: (6, 0), 1: (-4, -7), 5: (1, -2), 7: (3, 0), 9: (0, 0)}
        async with units.begin() as uow:
            found = await uow.levels.later_movements([CountAt(LAMP, at(hour)) for hour in hours])
            assert found == [LaterMovements(*expected) for expected in hours.values()]
            assert await uow.levels.later_movements([CountAt(CHAIR, at(0))]) == [LaterMovements(0, 0)]

    async def test_found_units_and_counts_are_no_movements(self, units: Any) -> None:
        async with units.begin() as uow:
            level = (await uow.levels.lock([LAMP]))[LAMP]
            level.ship(4, at(3), SOURCE)
            level.count(9, at(4), LaterMovements(), SOURCE)
            await uow.levels.save([level])
            await uow.commit()
        async with units.begin() as uow:
            assert await uow.levels.later_movements([CountAt(LAMP, at(1))]) == [LaterMovements(-4, -4)]

    async def test_how_a_shipment_was_booked_is_known_and_what_was_found_until_a_count(self, units: Any) -> None:
        line = ShipmentLine("shipment", "1", "order", LAMP, 3, at(5))
        other = replace(line, shipment_id="other")
        moment = at(5) + timedelta(minutes=10)
        async with units.begin() as uow:
            level = (await uow.levels.lock([LAMP]))[LAMP]
            level.receive(1, at(1), EntryKind.RECEIPT, SOURCE)
            level.ship(3, moment, Source("shipment", "1"))
            assert level.booked_shipment(Source("shipment", "1")) == BookedShipment(moment, 2)
            await uow.levels.save([level])
            assert await uow.levels.booked_shipments([line, other]) == {line.identity: BookedShipment(moment, 2)}
            level = (await uow.levels.lock([LAMP]))[LAMP]
            assert level.booked_shipment(Source("shipment", "1")) is None, "it is stored"
            level.count(4, at(4), LaterMovements(-3, -3), SOURCE)
            await uow.levels.save([level])
            assert await uow.levels.booked_shipments([line]) == {line.identity: BookedShipment(moment)}
            await uow.commit()

    async def test_a_level_keeps_how_many_units_were_voided(self, units: Any) -> None:
        async with units.begin() as uow:
            level = (await uow.levels.lock([LAMP]))[LAMP]
            level.receive(5, at(1), EntryKind.RECEIPT, SOURCE)
            level.ship(3, at(2), Source("shipment", "1"))
            level.void_shipment(3, BookedShipment(at(2)), Source("shipment", "1"))
            await uow.levels.save([level])
            await uow.commit()
        async with units.begin() as uow:
            stored = (await uow.levels.lock([LAMP]))[LAMP]
        assert (stored.on_hand, stored.shipped, stored.voided) == (5, 0, 3)

    async def test_every_level_at_a_location_gets_its_next_version(self, units: Any) -> None:
        await self.save(units, (LAMP, 5, 1), (CHAIR, 2, 1), (SOUTHERN_LAMP, 1, 1))
        async with units.begin() as uow:
            raised = await uow.levels.raise_versions_at("main")
            await uow.commit()
        assert sorted((level.key.sku, level.on_hand, level.version) for level in raised) == [
            ("chair", 2, 2),
            ("lamp", 5, 2),
        ]
        async with units.begin() as uow:
            locked = await uow.levels.lock([LAMP, CHAIR, SOUTHERN_LAMP])
        assert [locked[key].version for key in (LAMP, CHAIR, SOUTHERN_LAMP)] == [2, 2, 1]

    async def test_levels_are_listed_by_sku_and_location(self, units: Any, clock: FakeClock) -> None:
        await self.save(units, (LAMP, 5, 1), (CHAIR, 2, 1), (SOUTHERN_LAMP, 1, 1))

        async def listed(
            skus: Sequence[str] = (), location_id: str | None = None, after: LevelPosition | None = None, limit: int = 9
        ) -> list[tuple[str, str]]:
            async with units.reading() as uow:
                found = await uow.queries.levels(skus=skus, location_id=location_id, after=after, limit=limit)
                return [(level.sku, level.location_id) for level in found]

        assert await listed() == [("chair", "main"), ("lamp", "main"), ("lamp", "south")]
        assert await listed(after=LevelPosition("chair", "main"), limit=1) == [("lamp", "main")]
        assert await listed(skus=["lamp", "no"]) == [("lamp", "main"), ("lamp", "south")]
        assert await listed(skus=["lamp"], location_id="south") == [("lamp", "south")]
        async with units.reading() as uow:
            [level] = await uow.queries.levels(skus=["chair"], location_id=None, after=None, limit=1)
        assert (level.on_hand, level.shipped, level.supply, level.version) == (2, 0, 2, 1)
        assert (level.counted_at, level.updated_at) == (None, clock.now())

    async def test_the_ledger_is_listed_newest_first_by_sku_location_and_time(self, units: Any) -> None:
        await self.save(units, (LAMP, 1, 3), (LAMP, 2, 1), (CHAIR, 3, 2), (SOUTHERN_LAMP, 4, 2))

        async def listed(wanted: LedgerFilter, before: EntryPosition | None = None, limit: int = 9) -> list[int]:
            async with units.reading() as uow:
                found = await uow.queries.ledger_entries(wanted, before=before, limit=limit)
                return [entry.on_hand_delta for entry in found]

        everything = await listed(LedgerFilter())
        assert (everything[0], sorted(everything[1:3]), everything[3]) == (1, [3, 4], 2)
        assert await listed(LedgerFilter(sku="lamp")) == [1, 4, 2]
        assert await listed(LedgerFilter(sku="lamp", location_id="main")) == [1, 2]
        assert await listed(LedgerFilter(location_id="main", occurred_from=at(2), occurred_to=at(3))) == [3]
        async with units.reading() as uow:
            first, *_ = await uow.queries.ledger_entries(LedgerFilter(), before=None, limit=1)
        rest = await listed(LedgerFilter(), EntryPosition(first.occurred_at, first.entry_id), limit=3)
        assert rest == everything[1:]


class StockDocumentSuite(Suite):
    """Receipts, counts, adjustments and supplier returns."""

    async def test_a_reference_is_claimed_once_within_its_type(self, units: Any) -> None:
        documents = [a_document("1", "r"), a_document("2", "r"), a_document("3", "s")]
        count = a_document("4", "r", DocumentType.COUNT)
        async with units.begin() as uow:
            assert await uow.documents.claim(documents) == {"1", "3"}
            assert await uow.documents.claim([count]) == {"4"}
            await uow.commit()
        async with units.begin() as uow:
            assert await uow.documents.claim([a_document("5", "s")]) == set()
            assert await uow.documents.claim([]) == set()
            assert await uow.documents.holders(DocumentType.RECEIPT, {"r", "s", "t"}) == {"r": "1", "s": "3"}
            assert await uow.documents.holders(DocumentType.COUNT, {"r", "s"}) == {"r": "4"}

    async def test_a_withdrawn_document_leaves_its_reference_free(self, units: Any) -> None:
        async with units.begin() as uow:
            await uow.documents.claim([a_document("1", "r"), a_document("2", "s")])
            await uow.documents.withdraw(["1"])
            assert await uow.documents.claim([a_document("3", "r")]) == {"3"}

    async def test_a_document_is_read_as_it_was_recorded(self, units: Any, clock: FakeClock) -> None:
        recorded_at = clock.advance(timedelta(minutes=1))
        stated = a_document("1", "r", DocumentType.ADJUSTMENT, location_id=None, reason="lost")
        document = recorded(
            stated, recorded_at, RecordedLine(1, LAMP, -3, None, -3), RecordedLine(2, CHAIR, 2, "order-line", 0)
        )
        async with units.begin() as uow:
            await uow.documents.claim([stated])
            await uow.documents.add_lines([document])
            await uow.commit()
        async with units.reading() as uow:
            assert await uow.queries.document(DocumentType.ADJUSTMENT, "1") == document
            assert await uow.queries.document(DocumentType.RECEIPT, "1") is None
            assert await uow.queries.document(DocumentType.ADJUSTMENT, "2") is None

    async def test_a_line_is_locked_and_linked_to_a_purchase_order_line(self, units: Any, clock: FakeClock) -> None:
        lines = [RecordedLine(number, LAMP, 5, None, 5) for number in (1, 2)]
        document = recorded(a_document("1"), clock.now(), *lines)
        async with units.begin() as uow:
            await uow.documents.claim([a_document("1")])
            await uow.documents.add_lines([document])
            await uow.commit()
        async with units.begin() as uow:
            assert await uow.documents.lock_line("1", 2) == lines[1]
            assert await uow.documents.lock_line("1", 3) is None
            assert await uow.documents.lock_line("none", 1) is None
            await uow.documents.link_line("1", 2, "po-line")
            await uow.commit()
        async with units.reading() as uow:
            found = await uow.queries.document(DocumentType.RECEIPT, "1")
        assert [line.purchase_order_line_id for line in found.lines] == [None, "po-line"]

    async def test_documents_of_a_type_are_listed_newest_first(self, units: Any, clock: FakeClock) -> None:
        stated = [
            a_document("1", "r"),
            a_document("2", "s", location_id="south"),
            a_document("3", "t"),
            a_document("4", "r", DocumentType.COUNT),
        ]
        documents = [
            recorded(document, clock.now(), RecordedLine(1, LevelKey(sku, "main"), 1, None, 1))
            for document, sku in zip(stated, ("lamp", "lamp", "chair", "lamp"), strict=True)
        ]
        async with units.begin() as uow:
            await uow.documents.claim(stated)
            await uow.documents.add_lines(documents)
            await uow.commit()

        async def listed(wanted: DocumentFilter, before: str | None = None, limit: int = 9) -> list[str]:
            async with units.reading() as uow:
                found = await uow.queries.documents(DocumentType.RECEIPT, wanted, before=before, limit=limit)
                return [document.document_id for document in found]

        assert await listed(DocumentFilter()) == ["3", "2", "1"]
        assert await listed(DocumentFilter(), before="3", limit=1) == ["2"]
        assert await listed(DocumentFilter(sku="lamp")) == ["2", "1"]
        assert await listed(DocumentFilter(location_id="south", sku="lamp")) == ["2"]
        assert await listed(DocumentFilter(reference="r")) == ["1"]
        assert await listed(DocumentFilter(reference="none")) == []
