"""What the routes of receipts, counts, adjustments and supplier returns have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Response

from inventory_service.application.queries import DocumentFilter
from inventory_service.bootstrap import InventoryApplication
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.stock_document import StockDocument
from inventory_service.entrypoints.http.fields import LocationQuery, ReferenceQuery, SkuQuery
from service_kit.commands.command_batcher import Submitted
from service_kit.commands.execute import read
from service_kit.http.idempotency import mark_replayed
from service_kit.http.pagination import PageRequest, encode_cursor
from service_kit.http.problems import not_found
from service_kit.http.responses import set_location


async def _wanted(
    reference: ReferenceQuery = None, location_id: LocationQuery = None, sku: SkuQuery = None
) -> DocumentFilter:
    return DocumentFilter(reference, location_id, sku)


WantedDocuments = Annotated[DocumentFilter, Depends(_wanted)]
"""Which documents a list shows: the query's reference, location and SKU."""


async def recorded_document(
    app: InventoryApplication, document_type: DocumentType, submitted: Submitted[StockDocument], response: Response
) -> StockDocument:
    """The document that was recorded, now or by an earlier request with the same key; sets status and headers."""
    document = submitted.result or await load_document(app, document_type, str(submitted.resource_id))
    mark_replayed(response, submitted)
    set_location(response.headers, f"{document_type.replace('_', '-')}s", document.document_id)
    return document


async def load_document(app: InventoryApplication, document_type: DocumentType, document_id: str) -> StockDocument:
    """The document of this type. Raises Problem 404."""
    found = await read(app.units, lambda uow: uow.queries.document(document_type, document_id))
    if found is None:
        raise not_found(document_type.replace("_", " "))
    return found


async def list_documents(
    app: InventoryApplication, document_type: DocumentType, wanted: DocumentFilter, page: PageRequest
) -> Sequence[StockDocument]:
    """The documents of the page, and one more if there is a next page. Raises Problem 400 for a bad cursor."""
    before = page.after(str)
    return await read(
        app.units,
        lambda uow: uow.queries.documents(
            document_type, wanted, before=before[0] if before else None, limit=page.limit + 1
        ),
    )


def document_cursor(document: StockDocument) -> str:
    """The cursor of the page that follows the document."""
    return encode_cursor(document.document_id)
