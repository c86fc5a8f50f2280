"""The types of stock documents, and the kinds of receipts."""

from __future__ import annotations

from enum import StrEnum


class DocumentType(StrEnum):
    """The types of stock documents; a reference is unique within its type."""

    RECEIPT = "receipt"
    COUNT = "count"
    ADJUSTMENT = "adjustment"
    SUPPLIER_RETURN = "supplier_return"


class ReceiptKind(StrEnum):
    """Where received units come from: a supplier, a customer, or stock from before this system was used."""

    PURCHASE = "purchase"
    RETURN = "return"
    OPENING = "opening"
