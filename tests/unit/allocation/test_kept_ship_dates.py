"""What allocation does with the calendars of locations, on stores in memory."""

from tests.unit.allocation.ship_dates_suite import ShipDatesSuite


class TestShipDatesInMemory(ShipDatesSuite):
    pass
