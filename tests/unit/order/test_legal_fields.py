"""What an order says that a law goes by: jurisdiction, time zone, whether time is essential, quoted days."""

from typing import Any

import pytest
from tests.unit.order.shop import InMemoryShop, order_in

LINE = {"sku": "lamp", "quantity": 1}


async def test_an_order_keeps_and_tells_what_the_law_goes_by(shop: InMemoryShop) -> None:
    line = {**LINE, "quoted_date": "2026-01-20"}
    terms = {"jurisdiction": "US", "time_zone": "America/Denver", "time_essential": True}
    order = await shop.place(lines=[line], **terms)
    assert {name: order[name] for name in terms} == terms
    assert order["completed_at"] is None
    assert order["lines"][0]["quoted_date"] == "2026-01-20"
    assert await shop.read(order) | {"updated_at": order["updated_at"]} == order
    [event] = await shop.published()
    assert (order_in(event).jurisdiction, order_in(event).time_zone) == ("US", "America/Denver")


@pytest.mark.parametrize(
    ("body", "pointer", "remedy"),
    [
        ({"jurisdiction": "Mars"}, "/jurisdiction", "must be one of US, EU, UK; leave it out"),
        ({"time_zone": "America/Gotham"}, "/time_zone", "IANA name of a time zone, such as"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone", "IANA name of a time zone, such as"),
        ({"lines": [{**LINE, "quoted_date": "2026-01-03"}]}, "/lines/0/quoted_date", "name a later one"),
        ({"lines": [{**LINE, "quoted_date": "soon"}]}, "/lines/0/quoted_date", "must be a date as in"),
    ],
)
async def test_what_no_law_could_go_by_is_refused_with_the_field_and_the_remedy(
    shop: InMemoryShop, body: dict[str, Any], pointer: str, remedy: str
) -> None:
    response = await shop.post_order(**{"lines": [LINE], **body})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"] == pointer
    assert remedy in error["detail"]


async def test_a_line_that_is_added_may_have_a_quoted_day_that_has_not_passed(shop: InMemoryShop) -> None:
    order = await shop.place(("lamp", 1))
    path = f"/v1/orders/{order['order_id']}/lines"
    passed = await shop.post(path, {**LINE, "quoted_date": "2026-01-03"})
    assert (passed.status_code, passed.json()["errors"][0]["pointer"]) == (422, "/quoted_date")
    added = await shop.post(path, {**LINE, "quoted_date": "2026-01-31"})
    assert added.json()["lines"][1]["quoted_date"] == "2026-01-31"
