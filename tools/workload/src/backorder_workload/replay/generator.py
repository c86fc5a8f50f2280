"""Generates a seeded stream of order lines that resembles the real export.

As measured on 240,000 lines of a British online retailer: few SKUs sell much and most little (Zipf); quantities and
lines per order are log-normal (median 3 units, 15 lines); most orders come around noon from Monday to Friday, few on
Sunday, none on Saturday; customers return, and one order in eight is a guest's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from backorder_workload.replay.order_stream import Row, Stream, assemble

START = datetime(2010, 12, 1, tzinfo=UTC)

_WEEKDAY_WEIGHTS = (15, 15, 18, 21, 18, 0, 10)
_HOURS = range(7, 20)
_HOUR_WEIGHTS = (1, 7, 18, 30, 30, 37, 33, 30, 29, 16, 8, 3, 2)
_COUNTRIES = ("GB", "DE", "FR", "IE", "NL", "ES", "US")
_COUNTRY_WEIGHTS = (90, 3, 3, 2, 1, 1, 0.5)
_SPACED_SKU = "GIFT BOX 12"


def generate(
    orders: int, *, seed: int = 1, days: int | None = None, skus: int | None = None, start: datetime = START
) -> Stream:
    """A stream of `orders` orders over `days` days, by default four weeks or more. Same seed, same stream."""
    if orders < 1:
        raise ValueError("a stream has at least one order")
    days = days or max(28, math.ceil(orders / 46))
    return assemble(_Generator(orders, seed, days, skus or max(40, min(3_500, orders)), start).rows())


class _Generator:
    def __init__(self, orders: int, seed: int, days: int, skus: int, start: datetime) -> None:
        self._random = random.Random(f"orders:{seed}")
        self._orders = orders
        self._days = days
        self._start = start
        self._skus = _sku_codes(skus, self._random)
        self._weights = list(accumulate(1 / (rank + 12) ** 0.95 for rank in range(skus)))
        self._prices = {sku: max(5, round(self._random.lognormvariate(5.4, 0.9))) for sku in self._skus}
        people = max(5, orders // 3)
        self._customers = [str(12_000 + number) for number in range(people)]
        self._customer_weights = list(accumulate(1 / (rank + 8) for rank in range(people)))
        self._long_order = self._random.randrange(orders)

    def rows(self) -> Iterator[Row]:
        for number, placed_at in enumerate(self._moments()):
            yield from self._invoice(str(536_365 + number), placed_at, long=number == self._long_order)

    def _moments(self) -> list[datetime]:
        days = [self._start + timedelta(days=day) for day in range(self._days)]
        weights = [_WEEKDAY_WEIGHTS[day.weekday()] for day in days]
        if not any(weights):
            weights = [1] * len(days)
        chosen = self._random.choices(days, weights, k=self._orders)
        hours = self._random.choices(_HOURS, _HOUR_WEIGHTS, k=self._orders)
        return sorted(
            day + timedelta(hours=hour, minutes=self._random.randrange(60))
            for day, hour in zip(chosen, hours, strict=True)
        )

    def _invoice(self, invoice: str, placed_at: datetime, *, long: bool) -> Iterator[Row]:
        pick = self._random
        customer = None
        if pick.random() > 0.13:
            customer = pick.choices(self._customers, cum_weights=self._customer_weights)[0]
        country = pick.choices(_COUNTRIES, _COUNTRY_WEIGHTS)[0]

        def row(sku: str, quantity: int, price: int) -> Row:
            return Row(invoice, sku, quantity, placed_at, price, customer, country)

        count = 700 if long and self._orders >= 100 else max(1, min(300, round(pick.lognormvariate(2.7, 1.0))))
        bought = pick.choices(self._skus, cum_weights=self._weights, k=count)
        # Real orders do have two lines of one SKU, but less often than drawing with replacement would give.
        lines = bought if long or pick.random() < 0.12 else list(dict.fromkeys(bought))
        for sku in lines:
            quantity = max(1, min(5_000, round(pick.lognormvariate(1.1, 1.45))))
            yield row(sku, quantity, self._prices[sku])
        if country != "GB" and pick.random() < 0.6:
            yield row("POST", pick.randint(1, 3), 1_800)
        if pick.random() < 0.05:
            yield row(pick.choice(("DOT", "M", "C2", "D", "BANK CHARGES", "m", "gift_0001_20")), 1, 1_500)


def _sku_codes(count: int, pick: random.Random) -> list[str]:
    """SKU codes by falling demand. As in the export, some differ only by case and one contains a space."""
    codes: list[str] = []
    for number in pick.sample(range(15_000, 95_000), count):
        suffix = pick.choices(("", "A", "B", "C"), (70, 12, 10, 8))[0]
        codes.append(f"{number}{suffix}")
        if suffix and pick.random() < 0.2:
            codes.append(f"{number}{suffix.lower()}")
    codes = codes[:count]
    if count >= 8:
        codes[3], codes[5], codes[7] = "85123A", "85123a", _SPACED_SKU
    return list(dict.fromkeys(codes))
