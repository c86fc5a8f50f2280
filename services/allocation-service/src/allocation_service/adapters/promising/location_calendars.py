"""The calendars of locations, written where they are news and read once for each change and process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.application.promising.ports import LocationCalendar
from allocation_service.domain.promising.ship_dates import Calendars, calendar_document, calendar_from
from allocation_service.domain.supply.sku import Sku
from service_kit.persistence.bulk import Columns, arrays, unnest
from service_kit.persistence.statements import Statement

_CALENDAR: Columns = (("location", "text"), ("version", "bigint"), ("calendar", "jsonb"))
_KEEP = text(
    f"""
    INSERT INTO location_calendar AS known (location, version, calendar)
    SELECT location, version, calendar FROM {unnest(_CALENDAR, "new")} ORDER BY location
    ON CONFLICT (location) DO UPDATE SET version = excluded.version, calendar = excluded.calendar
    WHERE known.version < excluded.version
    RETURNING location
    """
)
_CHANGED = text("UPDATE calendar_state SET version = version + 1")
_ALL = Statement(
    "SELECT location, CAST(calendar AS text) AS calendar FROM location_calendar WHERE calendar <> CAST('{}' AS jsonb)"
)


class _Known(NamedTuple):
    version: int
    calendars: Calendars


_known: WeakKeyDictionary[Engine, _Known] = WeakKeyDictionary()


class SqlCalendarStore:
    """Implements CalendarStore."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def keep(self, calendars: Sequence[LocationCalendar]) -> None:
        """See CalendarStore."""
        rows = [
            (one.location, one.version, orjson.dumps(calendar_document(one.calendar)).decode()) for one in calendars
        ]
        if (await self._conn.execute(_KEEP, arrays(_CALENDAR, rows))).all():
            await self._conn.execute(_CHANGED)


async def give_calendars(conn: AsyncConnection, skus: Iterable[Sku], version: int) -> None:
    """Give SKUs the calendars of all locations; ``version`` counts the changes of any of them.

    It was read before they are: they may be newer than it says, and then are read again with the next version.
    """
    if version == 0:
        return
    engine = conn.engine.sync_engine
    known = _known.get(engine)
    if known is None or known.version != version:
        rows = await _ALL.within(conn, {})
        known = _known[engine] = _Known(
            version, {location: calendar_from(orjson.loads(document)) for location, document in rows}
        )
    for sku in skus:
        sku.calendars = known.calendars
