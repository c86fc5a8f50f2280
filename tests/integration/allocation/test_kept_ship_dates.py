"""What allocation does with the calendars of locations, on PostgreSQL."""

from tests.unit.allocation.ship_dates_suite import ShipDatesSuite


class TestShipDatesOnPostgres(ShipDatesSuite):
    pass
