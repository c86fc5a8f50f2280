"""The chaos run's comparison of payments and replies: what it takes for lost, and what for done twice."""

from __future__ import annotations

from typing import Any

import pytest

from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.discrepancies import Discrepancies, difference
from backorder_verify.chaos.money_record import told_and_stored


class OrderDatabase:
    """What the order service has stored, by the table that a query reads."""

    def __init__(self) -> None:
        self.payment: dict[str, Any] = {"payment_id": "p1", "method": "card-2", "conceded": 40, "taken": 960, "held": 0}
        self.attempt: dict[str, Any] = {"attempt_id": "a1", "kind": "charge", "amount": 1000}
        self.reply: dict[str, Any] = {"offer_id": "o1", "choice": "wait"}

    async def fetch(self, query: str) -> list[dict[str, Any]]:
        tables = {"payment_attempt": self.attempt, "delay_reply": self.reply, "payment": self.payment}
        return [next(row for table, row in tables.items() if f"FROM {table}" in query)]


def _record() -> ClientRecord:
    record = ClientRecord(
        attempts={"a1": "charge of 1000"},
        methods={"p1": {"card-2", "card-3"}},
        replies={("o1", "wait")},
        provider_books={"p1": (960, 0)},
    )
    record.given_back["p1"] = 40
    return record


async def _found(record: ClientRecord, database: OrderDatabase) -> Discrepancies:
    return difference(*await told_and_stored(database, record))


async def test_what_was_told_is_what_is_stored() -> None:
    found = await _found(_record(), OrderDatabase())
    assert (found.lost, found.twice) == ((), ())


@pytest.mark.parametrize(
    ("part", "column", "value", "lost"),
    [
        ("attempt", "amount", 900, "attempt a1"),
        ("attempt", "attempt_id", "a2", "attempt a1"),
        ("payment", "method", "card-1", "replaced method of p1"),
        ("payment", "conceded", 80, "goodwill of p1"),
        ("payment", "taken", 1960, "money of p1"),
        ("payment", "held", 5, "money of p1"),
        ("reply", "choice", "cancel", "reply wait to o1"),
    ],
)
async def test_what_differs_from_what_was_told_is_found(part: str, column: str, value: object, lost: str) -> None:
    database = OrderDatabase()
    getattr(database, part)[column] = value
    assert lost in (await _found(_record(), database)).lost


async def test_money_that_the_provider_took_and_nobody_knows_of_is_found_and_so_is_the_reverse() -> None:
    record, database = _record(), OrderDatabase()
    record.provider_books["p2"] = (500, 0)
    assert (await _found(record, database)).lost == ("money of p2",)
    record.provider_books = {}
    assert (await _found(record, database)).twice == ("money of p1",)
