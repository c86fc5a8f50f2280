"""What notification hears of its customers' orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Unpack

from tests.scenario import AnswerTerms, LineAnswer, Neighbours, OrderRecord, OrderTerms

from event_contracts import Event

JUNE, JULY = date(2026, 6, 3), date(2026, 7, 1)


@dataclass(kw_only=True)
class CustomerOrders(Neighbours):
    """The neighbours' events about orders that are known by their ids. Time moves only where a test moves it."""

    tick: timedelta = timedelta(0)
    location: str = "main"
    orders: dict[str, OrderRecord] = field(default_factory=dict)

    def placed(self, order_id: str = "o1", *lines: tuple[str, int], **terms: Unpack[OrderTerms]) -> Event:
        """An order is placed, by default of five lamps for the contact c1."""
        stated: OrderTerms = {"reference": f"R-{order_id}", "contact_id": "c1", **terms}
        self.orders[order_id], event = self.order(order_id, *(lines or (("lamp", 5),)), **stated)
        return event

    def amended(self, order_id: str = "o1", **terms: Unpack[OrderTerms]) -> Event:
        """Terms of an order change, or nothing that a customer would see."""
        return self.amend(self.orders[order_id], **terms)

    def answered(self, *answers: LineAnswer, order_id: str = "o1", **terms: Unpack[AnswerTerms]) -> Event:
        """Allocation answers about an order, by default with ``OrderBackordered``."""
        stated: AnswerTerms = {"name": "OrderBackordered", **terms}
        return self.answer(self.orders[order_id].state, *answers, **stated)
