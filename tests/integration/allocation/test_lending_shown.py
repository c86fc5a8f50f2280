"""What is published of lending: loans, their breach rate, metrics, and the task that finds broken ones."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from allocation_service.config import AllocationSettings
from allocation_service.domain.policies.policy import Lending, Policy
from allocation_service.entrypoints.background.breached_loans import BreachedLoansLoop
from allocation_service.entrypoints.service import build
from service_kit.http.api_keys import Keyring
from service_kit.http.app import create_app
from service_kit.testing import FakeClock


def settings_of(world: Any, keyring: Path) -> AllocationSettings:
    return AllocationSettings(
        database_url=world.database.url, keyring_path=keyring, kafka_bootstrap="127.0.0.1:1", rate_limit=""
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read decisions, and nothing else."""
    keyring = tmp_path / "keyring.json"
    key, _ = Keyring(keyring).create_key("test", ["decisions:read"])
    app = create_app(build(settings_of(world, keyring), clock=world.clock, database=world.database))
    transport, headers = httpx.ASGITransport(app=app), {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as opened:
        yield opened


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def lending(world: Any) -> None:
    """Every policy lends."""
    await world.use(Policy(lending=Lending()))


async def three_loans(world: Any) -> None:
    """Loans of 1, 2 and 3 units from two suppliers' deliveries: the first repaid, the others owed."""
    await world.remember_deliveries(last=120)
    for number in (1, 2, 3):
        sku, day = f"sku{number}", world.now.date()
        await world.apply(world.sku(sku), world.stock(sku, 5))
        await world.apply(world.order(f"late{number}", (sku, 5), needed_by=day + timedelta(days=40))[1])
        await world.apply(world.inbound(sku, f"po{number}", 20, world.now + timedelta(days=10)))
        await world.apply(world.order(f"now{number}", (sku, number), needed_by=day + timedelta(days=2))[1])
    await world.apply(world.stock("sku1", 1, po_line="po1", remaining=19))


async def test_lending_is_published_with_its_breach_rate_and_interval(world: Any, client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/lending")).json()
    assert (shown["open"], shown["breach_rate"], shown["by_supplier"]) == (
        0, {"settled": 0, "rate": None, "low": None, "high": None}, [],
    )  # fmt: skip
    await three_loans(world)
    await breached_loans(world, days=45).once()
    shown = (await client.get("/v1/lending")).json()
    assert {name: shown[name] for name in ("open", "repaid", "breached", "void", "units", "units_owed")} == {
        "open": 0, "repaid": 1, "breached": 2, "void": 0, "units": 6, "units_owed": 5,
    }  # fmt: skip
    rate = shown["breach_rate"]
    assert (rate["settled"], rate["rate"]) == (3, pytest.approx(2 / 3))
    assert (rate["low"], rate["high"]) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))
    (supplier,) = shown["by_supplier"]
    assert (supplier["supplier"], supplier["breached"], supplier["breach_rate"]) == ("S", 2, rate)


async def test_loans_are_listed_newest_first_page_by_page_and_by_what_became_of_them(
    world: Any, client: httpx.AsyncClient
) -> None:
    await three_loans(world)
    first = (await client.get("/v1/loans", params={"limit": 2})).json()
    second = (await client.get("/v1/loans", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["sku"] for one in (*first["data"], *second["data"])] == ["sku3", "sku2", "sku1"]
    assert second["next_cursor"] is None
    newest = first["data"][0]
    assert (newest["lender_line_id"], newest["borrower_line_id"], newest["units"]) == ("late3-1", "now3-1", 3)
    assert (newest["state"], newest["evidence"], newest["observations"]) == ("open", "supplier", 120)
    assert newest["probability"] == pytest.approx(120 / 121)
    for filters, skus in (
        ({"state": "repaid"}, ["sku1"]),
        ({"sku": "sku2"}, ["sku2"]),
        ({"line_id": "late3-1"}, ["sku3"]),
        ({"supplier_id": "S", "state": "open"}, ["sku3", "sku2"]),
        ({"supplier_id": "T"}, []),
    ):
        found = (await client.get("/v1/loans", params=filters)).json()["data"]
        assert [one["sku"] for one in found] == skus, filters
    decision = await world.rows("SELECT 1 FROM decision WHERE decision_id = :id", id=newest["decision_id"])
    assert decision
    answer = await client.get("/v1/loans", params={"state": "lost"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "state")


async def test_the_sweeper_finds_broken_loans_once_and_the_metrics_follow(world: Any) -> None:
    await three_loans(world)
    before = metric("allocation_loans_total", outcome="breached")
    assert await breached_loans(world, days=37).once() == 0
    late = breached_loans(world, days=45)
    assert (await late.once(), await late.once()) == (2, 0)
    assert metric("allocation_loans_total", outcome="breached") == before + 2
    assert metric("allocation_loans_total", outcome="lent") >= 3
    assert metric("allocation_loan_units_owed") == 5
    assert metric("allocation_loan_breach_rate") == pytest.approx(2 / 3)


def breached_loans(world: Any, *, days: int) -> BreachedLoansLoop:
    return BreachedLoansLoop(world.application(FakeClock(world.now + timedelta(days=days))))


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
