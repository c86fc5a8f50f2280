"""How well dates are kept, and the targets that they are named by, over HTTP."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.unit.allocation.learned_dates_suite import day, morning

from service_kit.http.api_keys import Keyring


async def test_what_was_kept_is_shown_with_what_the_next_dates_are_named_by(world: Any, client: Any) -> None:
    empty = (await client.get("/v1/calibration")).json()
    assert (empty["due"], empty["share"], empty["table_version"]) == (0, None, 0)
    await world.aim_at(80)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
    for name, units in (("kept", 3), ("missed", 2)):
        await world.apply(world.order(name, ("A", units))[1])
    world.later(days=16)
    await world.apply(world.stock("A", 3, po_line="p1", remaining=2))
    await morning(world, days=2)
    found = (await client.get("/v1/calibration", params={"days": 30})).json()
    assert (found["due"], found["kept"], found["share"], found["rolling_share"]) == (2, 1, 0.5, 0.5)
    assert (found["open"], found["slack_days"], found["default_target_percent"]) == (0, 1.0, 80)
    [by_target] = found["by_target"]
    assert (by_target["basis"], by_target["target_percent"]) == ("inbound", 80)
    assert by_target["alpha"] < 0.2
    assert [one["due"] for one in found["by_confidence"]] == [2]
    [everybody] = found["sources"]
    assert [one["situation"] for one in everybody["situations"]][:2] == ["due 0-2", "due 3-7"]
    assert (await client.get("/v1/calibration", params={"days": 1})).json()["due"] == 2
    assert (await client.get("/v1/calibration", params={"days": 0})).status_code == 400


async def test_targets_are_set_for_all_and_for_a_sku(world: Any, client: Any) -> None:
    await world.apply(world.sku("A/1"))
    path, own = "/v1/promise-targets", {"sku": "A/1"}

    async def shown(**query: str) -> dict[str, Any]:
        found: dict[str, Any] = (await client.get(path, params=query)).json()
        return found

    assert await shown(**own) == {"percent": None, "inherited": True}
    assert (await client.put(path, json={"percent": 90})).json() == {"percent": 90, "inherited": False}
    assert await shown(**own) == {"percent": 90, "inherited": True}
    assert (await client.put(path, json={**own, "percent": 99})).json() == {"percent": 99, "inherited": False}
    assert await shown() == {"percent": 90, "inherited": False}
    assert (await client.put(path, json={**own, "percent": None})).json() == {"percent": 90, "inherited": True}
    assert (await client.put(path, json={"percent": None})).json() == {"percent": None, "inherited": False}
    for percent in (79, 100, "most"):
        answer = await client.put(path, json={**own, "percent": percent})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/percent")
    assert (await client.get(path, params={"sku": "none"})).status_code == 404
    assert (await client.put(path, json={"sku": "none", "percent": 90})).status_code == 404


async def test_a_line_says_what_its_date_rests_on_and_how_probable_it_is_now(world: Any, client: Any) -> None:
    await world.aim_at(95)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 5, world.now + timedelta(days=10), supplier="ACME"))
    available = (await client.get("/v1/availability", params={"sku": "A"})).json()["data"][0]
    assert (available["promise_date"], available["confidence_percent"]) == (f"{day(world, 17)}", 95)
    await world.apply(world.order("o", ("A", 3))[1])
    promise = (await client.get("/v1/demands/o-1/why")).json()["promise"]
    assert (promise["basis"], promise["source"], promise["table_version"]) == ("inbound", "ACME", 0)
    assert promise["confidence_percent"] == 95
    assert promise["parts"] == [{"date": f"{day(world, 17)}", "quantity": 3}]
    world.later(days=16)
    await world.apply(world.stock("B", 1))
    promise = (await client.get("/v1/demands/o-1/why")).json()["promise"]
    assert promise["confidence_percent"] < 80, "a day is left, and the delivery is overdue"


async def test_past_deliveries_are_imported_and_those_that_cannot_have_been_are_named(
    world: Any, client: Any, tmp_path: Path
) -> None:
    def delivery(reference: str, **other: Any) -> dict[str, Any]:
        dates = [
            {"announced_on": "2026-01-02", "eta": "2026-01-12"},
            {"announced_on": "2026-01-10", "eta": "2026-01-15"},
        ]
        return {"reference": reference, "supplier_id": "ACME", "dates": dates, "closed_on": "2026-01-16",
                "arrived_on": "2026-01-16", "ordered": 4, "received": 4, **other}  # fmt: skip

    path = "/v1/delivery-history"
    answer = await client.post(path, json={"deliveries": [delivery("1"), delivery("2", arrived_on=None)]})
    assert answer.json() == {"recorded": 2, "known": 0}
    answer = await client.post(path, json={"deliveries": [delivery("2"), delivery("3")]})
    assert answer.json() == {"recorded": 1, "known": 1}
    refused = await client.post(path, json={"deliveries": [delivery("4"), delivery("5", closed_on="2027-01-01")]})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/deliveries/1/closed_on")
    keyring = Keyring(tmp_path / "keyring.json")
    key, _ = keyring.create_key("no import", ["policies:write"])
    answer = await client.post(path, json={"deliveries": [delivery("6")]}, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "import_scope_required")
    rows = await world.rows("SELECT lead_from, lead_to, days_late FROM inbound_lateness WHERE po_line = 'history:1'")
    assert sorted(tuple(row) for row in rows) == [(5, -1, 1), (10, 3, 4)]
