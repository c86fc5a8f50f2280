"""Why an order cannot be placed or changed as asked. A refusal leaves the order exactly as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from order_service.domain.dates import DateFault
from order_service.domain.lines import Line
from order_service.domain.states import State


class Refusal(ValueError):
    """Base of everything that a caller may be refused: the request is at fault, not the service."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Why one line prevents a change. ``line`` is a copy of it at that moment; ``code`` is stable."""

    line: Line
    code: str
    detail: str


class IllegalMove(Refusal):
    """The order's present state does not allow the change.

    ``code`` is stable and ``detail`` explains it. ``state`` and ``version`` are the order's; ``violations`` name
    every line at fault, if the refusal is about lines.
    """

    def __init__(
        self, code: str, detail: str, *, state: State, version: int, violations: Sequence[Violation] = ()
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.state = state
        self.version = version
        self.violations = tuple(violations)


class ShipmentNotFound(Refusal):
    """The order has no such shipment, or the caller may not see the order."""


class LineNotFound(Refusal):
    """The line to amend is not one of the order's lines."""

    def __init__(self, line_id: str) -> None:
        super().__init__(f"the order has no line {line_id}")
        self.line_id = line_id


class UnknownLines(Refusal):
    """A list of lines names some that the order does not have: ``line_ids`` by their index in the list, from 0."""

    def __init__(self, line_ids: Mapping[int, str]) -> None:
        super().__init__(f"the order has no lines {', '.join(line_ids.values())}")
        self.line_ids = dict(line_ids)


class OtherCurrency(Refusal):
    """The price of an added line is in another currency than the order's, ``currency``."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"all prices of the order are in {currency}")
        self.currency = currency


class InvalidDates(Refusal):
    """The order would have dates that it cannot be placed with: every fault."""

    def __init__(self, faults: Sequence[DateFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)
