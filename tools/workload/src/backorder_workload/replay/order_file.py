"""Reads order lines from a CSV file, plain or gzipped, with the columns of the Online Retail data set."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from backorder_workload.replay.order_stream import Row, Stream, assemble

_COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")

_COUNTRY_CODES = {
    "United Kingdom": "GB", "Germany": "DE", "France": "FR", "EIRE": "IE", "Netherlands": "NL", "Spain": "ES",
    "Belgium": "BE", "Switzerland": "CH", "Australia": "AU", "Portugal": "PT", "Norway": "NO",
    "Channel Islands": "JE", "Cyprus": "CY", "Finland": "FI", "Italy": "IT", "Japan": "JP", "Hong Kong": "HK",
    "Sweden": "SE", "Denmark": "DK", "Poland": "PL", "Austria": "AT", "Singapore": "SG", "Iceland": "IS",
    "Greece": "GR", "Canada": "CA", "Malta": "MT", "Lebanon": "LB", "Israel": "IL", "Lithuania": "LT",
    "Brazil": "BR", "United Arab Emirates": "AE", "USA": "US", "Bahrain": "BH", "Czech Republic": "CZ",
    "Saudi Arabia": "SA", "RSA": "ZA",
}  # fmt: skip


class BadOrderFile(ValueError):
    """The file does not contain order lines; the message names the line and the column."""


def read_orders(path: Path) -> Stream:
    """The orders of a file. Raises BadOrderFile, or OSError if the file cannot be opened.

    Times without an offset are taken as UTC.
    """
    try:
        return assemble(_rows(path))
    except (gzip.BadGzipFile, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise BadOrderFile(f"{path}: {error}") from error


def _rows(path: Path) -> Iterator[Row]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise BadOrderFile(f"{path}: column {missing[0]} is missing; expected {', '.join(_COLUMNS)}")
        for record in reader:
            yield _row(record, f"{path}, line {reader.line_num}")


def _row(record: dict[str, str | None], place: str) -> Row:
    invoice, sku = (record["InvoiceNo"] or "").strip(), (record["StockCode"] or "").strip()
    for column, value in (("InvoiceNo", invoice), ("StockCode", sku)):
        if not 1 <= len(value) <= 90:  # 100 in the API, minus the prefix of a replay
            raise BadOrderFile(f"{place}: {column} must have 1 to 90 characters")
    try:
        quantity = int(record["Quantity"] or "")
    except ValueError:
        raise BadOrderFile(f"{place}: Quantity {record['Quantity']!r} is not a whole number") from None
    try:
        placed_at = datetime.fromisoformat(record["InvoiceDate"] or "")
    except ValueError:
        raise BadOrderFile(f"{place}: InvoiceDate {record['InvoiceDate']!r} is not an ISO date and time") from None
    country = (record["Country"] or "").strip()
    return Row(
        invoice=invoice,
        sku=sku,
        quantity=quantity,
        placed_at=placed_at.astimezone(UTC) if placed_at.tzinfo else placed_at.replace(tzinfo=UTC),
        unit_price=_minor_units(record["UnitPrice"], place),
        customer=_customer(record["CustomerID"]),
        country=country if len(country) == 2 else _COUNTRY_CODES.get(country),
    )


def _minor_units(text: str | None, place: str) -> int:
    try:
        price = Decimal(text or "")
        if not price.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise BadOrderFile(f"{place}: UnitPrice {text!r} is not a number") from None
    return max(0, int((price * 100).to_integral_value()))


def _customer(text: str | None) -> str | None:
    """The export has customer numbers as floating-point numbers: `17850.0` is customer 17850."""
    name = (text or "").strip().removesuffix(".0")
    return name if name and name.upper() != "NA" else None
