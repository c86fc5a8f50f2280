"""The whole system, started for real: orders are replayed through it, and every invariant holds afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from backorder_local.running import running_system

pytestmark = pytest.mark.timeout(600)


def backorder(place: Path, *arguments: str, within: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, on the system of a directory."""
    return subprocess.run(
        [sys.executable, "-m", "backorder_local.cli", *arguments],
        env={**os.environ, "BACKORDER_DATA_DIR": str(place), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """The data directory of a running system."""
    directory = Path(tempfile.mkdtemp(prefix="backorder-e2e-"))
    try:
        started = backorder(directory, "up", "--detach", "--free-ports")
        assert started.returncode == 0, started.stdout + started.stderr
        yield directory
    finally:
        backorder(directory, "down")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def replayed(place: Path) -> dict[str, Any]:
    """The figures of a small replay, which also checked every invariant."""
    report = place / "report.json"
    done = backorder(
        place, "replay", "--limit", "80", "--days", "14", "--drain-days", "40", "--seed", "11", "--json", str(report)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "orders a second" in done.stdout
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_every_unit_of_a_replay_is_accounted_for(replayed: dict[str, Any]) -> None:
    figures = replayed["figures"]
    assert figures["orders"] == 80
    # What was granted and later cancelled is in two figures, hence no plain sum.
    assert (
        figures["shipped"] + figures["cancelled"] + figures["declined"] + figures["still_waiting"] <= figures["units"]
    )
    assert figures["filled_at_once"] > figures["units"] / 3
    assert figures["backordered"] > 0
    assert figures["filled_later"] > 0
    assert figures["shipped"] > figures["units"] / 2


def test_waits_and_promises_are_measured(replayed: dict[str, Any]) -> None:
    waits, promises = replayed["figures"]["waits"], replayed["figures"]["promises"]
    assert 0 < waits["mean_days"] <= waits["p95_days"] < 60
    assert promises["made"] > 0
    fates = promises["kept"] + promises["broken"] + promises["withdrawn"] + promises["open"]
    assert fates == promises["made"]


def test_the_shop_was_alive(replayed: dict[str, Any]) -> None:
    simulated = replayed["simulated"]
    assert min(simulated[what] for what in ("purchase_orders", "receipts", "shipments", "counts")) > 0
    assert replayed["speed"]["events"] > 80


def test_the_invariants_held_after_the_replay(replayed: dict[str, Any]) -> None:
    assert replayed["check"]["holds"], replayed["check"]["summary"]
    assert replayed["check"]["at_rest"]


def change_inventory(place: Path, sql: str) -> None:
    """Change rows behind the service's back."""

    async def run() -> None:
        connection = await asyncpg.connect(running_system(place).database_urls["inventory"])
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())


def test_check_says_so_and_then_finds_what_somebody_breaks(place: Path, replayed: dict[str, Any]) -> None:
    sound = backorder(place, "check", "--json")
    assert sound.returncode == 0, sound.stdout
    assert json.loads(sound.stdout)["holds"]

    one = "WHERE ctid = (SELECT ctid FROM stock_level ORDER BY sku, location_id LIMIT 1)"
    change_inventory(place, f"UPDATE stock_level SET on_hand = on_hand + 1 {one}")
    broken = backorder(place, "check")
    assert broken.returncode == 1
    assert "stock: ledger adds up" in broken.stdout
    assert "BROKEN by 1" in broken.stdout
    change_inventory(place, f"UPDATE stock_level SET on_hand = on_hand - 1 {one}")
    assert backorder(place, "check").returncode == 0


def test_a_file_of_order_lines_replays_and_a_bad_one_is_refused_by_line(place: Path) -> None:
    good, bad = place / "orders.csv", place / "bad.csv"
    header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    line = "536365,85123A,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    good.write_text(header + line + line.replace("85123A", "POST").replace(",6,", ",1,"))
    done = backorder(place, "replay", "--orders", str(good), "--drain-days", "3", "--no-check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 lines of services were not placed as goods: POST 1" in done.stdout
    bad.write_text(header + line.replace(",6,", ",six,"))
    refused = backorder(place, "replay", "--orders", str(bad))
    assert refused.returncode == 1
    assert "line 2: Quantity 'six' is not a whole number" in refused.stderr


def test_without_a_system_the_commands_name_the_remedy(tmp_path: Path) -> None:
    for command in ("replay", "check"):
        done = backorder(tmp_path, command)
        assert done.returncode == 1
        assert "backorder up" in done.stderr
