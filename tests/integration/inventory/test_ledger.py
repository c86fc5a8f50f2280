"""The ledger: history by filters and pages, append-only, and found by index however long it grows."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError


async def entries(inventory, **query) -> list[tuple[str, int]]:
    page = await inventory.get("/v1/ledger-entries", **query)
    return [(entry["kind"], entry["on_hand_delta"]) for entry in page["data"]]


async def test_history_is_told_newest_first_and_found_by_sku_place_and_time(inventory):
    for day, quantity in ((3, 30), (1, 10), (2, 20)):
        await inventory.receive(quantity, received_at=f"2010-12-0{day}T00:00:00Z")
    await inventory.receive(5, sku="chair", received_at="2010-12-02T00:00:00Z")
    await inventory.receive(6, location="south", kind="return", received_at="2010-12-02T12:00:00Z")
    assert await entries(inventory, sku="lamp", location_id="main") == [
        ("receipt", 30),
        ("receipt", 20),
        ("receipt", 10),
    ]
    assert await entries(inventory, location_id="south") == [("return", 6)]
    window = {"occurred_from": "2010-12-02T00:00:00Z", "occurred_to": "2010-12-03T00:00:00Z"}
    assert await entries(inventory, **window) == [("return", 6), ("receipt", 5), ("receipt", 20)]


async def test_pages_follow_each_other_without_gap_or_repeat_over_equal_times(inventory):
    for quantity in range(1, 8):
        await inventory.receive(quantity, received_at="2010-12-01T00:00:00Z")
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = await inventory.get("/v1/ledger-entries", sku="lamp", limit=3, **cursor)
        seen += [entry["on_hand_delta"] for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_an_entry_names_its_document_and_the_level_after_it(inventory):
    receipt = await inventory.receive(4)
    await inventory.post(
        "/v1/adjustments", {"location_id": "main", "reason": "water damage", "lines": [{"sku": "lamp", "delta": -1}]}
    )
    lost, came = (await inventory.get("/v1/ledger-entries", sku="lamp"))["data"]
    assert (came["document_id"], came["line_id"], came["version"]) == (receipt["receipt_id"], "1", 1)
    assert (lost["reason"], lost["on_hand_after"], lost["supply_delta"], lost["version"]) == ("water damage", 3, -1, 2)


async def test_levels_are_listed_by_sku_and_place_page_by_page(inventory):
    for sku, location in (("lamp", "south"), ("chair", "main"), ("lamp", "main")):
        await inventory.receive(1, sku=sku, location=location)
    first = await inventory.get("/v1/stock-levels", limit=2)
    rest = await inventory.get("/v1/stock-levels", limit=2, cursor=first["next_cursor"])
    found = [(level["sku"], level["location_id"]) for level in first["data"] + rest["data"]]
    assert found == [("chair", "main"), ("lamp", "main"), ("lamp", "south")]
    both = await inventory.get("/v1/stock-levels", sku=["lamp", "chair"], location_id="main")
    assert [level["sku"] for level in both["data"]] == ["chair", "lamp"]
    assert both["data"][0]["supply"] == 1
    assert (await inventory.get("/v1/stock-levels", sku="none"))["data"] == []


async def test_nobody_but_the_owner_of_the_schema_rewrites_the_ledger(inventory):
    await inventory.receive(4)
    role = "ledger_test_app"
    async with inventory.database.transaction() as conn:
        await conn.execute(text(f"DROP ROLE IF EXISTS {role}"))
        await conn.execute(text(f"CREATE ROLE {role}"))
        await conn.execute(text(f"GRANT ALL ON ledger_entry TO {role}"))
    for statement in ("UPDATE ledger_entry SET on_hand_delta = 1", "DELETE FROM ledger_entry"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with inventory.database.transaction() as conn:
                await conn.execute(text(f"SET LOCAL ROLE {role}"))
                await conn.execute(text(statement))
    async with inventory.database.transaction() as conn:
        await conn.execute(text(f"DROP OWNED BY {role}"))
        await conn.execute(text(f"DROP ROLE {role}"))
    await inventory.check_ledger()


async def test_a_long_history_is_read_by_index(inventory):
    async with inventory.database.transaction() as conn:
        await conn.execute(
            text(
                """
                INSERT INTO ledger_entry (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after,
                                          shipped_after, level_version, occurred_at, recorded_at, document_id,
                                          line_id, reason)
                SELECT 'sku-' || n % 500, 'place-' || n % 7, 'receipt', 1, 0, 1, 0, 1,
                       timestamptz '2010-01-01' + n * interval '1 minute', now(), 'd' || n, '1', ''
                FROM generate_series(1, 60000) n
                """
            )
        )
        await conn.execute(text("ANALYZE ledger_entry"))
    wheres = [
        "sku = 'sku-3'",
        "sku = 'sku-3' AND location_id = 'place-3'",
        "location_id = 'place-3'",
        "occurred_at >= '2010-01-20'",
        "(occurred_at, entry_id) < ('2010-01-20', 5)",
        "sku = 'sku-3' AND occurred_at < '2010-01-20'",
    ]
    for where in wheres:
        rows = await inventory.rows(
            "EXPLAIN (FORMAT JSON) SELECT * FROM ledger_entry"
            f" WHERE {where} ORDER BY occurred_at DESC, entry_id DESC LIMIT 50"
        )
        plan = json.dumps(rows[0][0])
        assert "Seq Scan" not in plan, where
        assert "Index" in plan, where
