"""The table of lateness that is in force, read once for each version and process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.quantile_table import NO_HISTORY, Quantiles, QuantileTable
from allocation_service.domain.lateness.situations import NAMED, Situation
from allocation_service.domain.promising.learned_supply import Reliance
from allocation_service.domain.supply.sku import Sku
from service_kit.persistence.statements import Statement

YIELD = "yield"
"""Stands for a situation in rows that say which share of what is ordered is delivered."""

_OF_VERSION = Statement(
    "SELECT basis, source, situation, observations, plain, safe FROM lateness_quantile"
    " WHERE since <= :version AND (until IS NULL OR until > :version)"
)
_known: WeakKeyDictionary[Engine, QuantileTable] = WeakKeyDictionary()


async def rely_on_table(conn: AsyncConnection, skus: Iterable[Sku], default_target: int | None, version: int) -> None:
    """Give SKUs the table in force, with their target, or that of all; none where dates are taken as announced."""
    learning = [(sku, target) for sku in skus if (target := sku.own_target or default_target) is not None]
    if learning:
        table = await quantile_table(conn, version)
        for sku, target in learning:
            sku.reliance = Reliance(table, target)


async def quantile_table(conn: AsyncConnection, version: int) -> QuantileTable:
    """A version of the table; it never changes."""
    if version == NO_HISTORY.version:
        return NO_HISTORY
    engine = conn.engine.sync_engine
    known = _known.get(engine)
    if known is None or known.version != version:
        known = _known[engine] = table_of(version, await _OF_VERSION.within(conn, {"version": version}))
    return known


def table_of(version: int, rows: Iterable[Any]) -> QuantileTable:
    """A table from the rows that belong to its version."""
    own: dict[tuple[str, Situation], Quantiles] = {}
    pool: dict[Situation, Quantiles] = {}
    yields: dict[str, dict[int, float]] = {}
    for _, source, name, observations, plain, stored in rows:
        document = orjson.loads(stored) if isinstance(stored, str | bytes) else stored
        safe = {int(target): value for target, value in document.items()}
        if name == YIELD:
            yields[source] = safe
            continue
        quantiles, situation = Quantiles(observations, tuple(plain), safe), NAMED[name]
        if source:
            own[source, situation] = quantiles
        else:
            pool[situation] = quantiles
    return QuantileTable(version, own, pool, yields)


def rows_of(table: QuantileTable) -> dict[tuple[str, str, str], Quantiles]:
    """The rows of a table: by basis, source ("" for all) and situation."""
    found = {(_basis(situation), source, situation.name): one for (source, situation), one in table.own.items()}
    found |= {(_basis(situation), "", situation.name): one for situation, one in table.pool.items()}
    return found | {
        (Basis.INBOUND.value, source, YIELD): Quantiles(0, (), safe) for source, safe in table.yields.items()
    }


def _basis(situation: Situation) -> str:
    return (Basis.LEAD_TIME if situation.first < 0 else Basis.INBOUND).value
