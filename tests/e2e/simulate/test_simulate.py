"""`backorder simulate` as a person runs it: no system up, on generated orders and on a file."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ["--policies", "priority,odoo", "--seeds", "2", "--skus", "2", "--days", "42", "--workers", "2"]


def _simulate(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backorder_local.cli", "simulate", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_figures_are_printed_written_and_drawn(tmp_path: Path) -> None:
    figures, picture = tmp_path / "figures.json", tmp_path / "picture.svg"
    ended = _simulate(*SMALL, "--json", str(figures), "--svg", str(picture))
    rows = json.loads(figures.read_text())
    assert ended.returncode == (0 if all(row["met"] is not False for row in rows) else 1), ended.stderr
    assert {row["policy"] for row in rows} >= {"fifo", "priority", "odoo", "clairvoyant bound"}
    assert {row["scenario"] for row in rows} == {"severe", "moderate", "ship complete"}
    assert "seeds 1 to 2" in ended.stdout
    assert picture.read_text().startswith("<svg")


def test_orders_of_a_file_are_simulated(tmp_path: Path) -> None:
    orders, figures = tmp_path / "orders.csv", tmp_path / "figures.json"
    with orders.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"])
        for number in range(200):
            moment = f"2011-01-{1 + number // 8:02d} {8 + number % 8:02d}:00:00"
            sku, customer = ("X1", "X2")[number % 2], 100 + number % 40
            lines.writerow([number, sku, 1 + number % 5, moment, "1.5", customer, "France"])
    options = ["--orders", str(orders), "--scenario", "severe", "--json", str(figures)]
    ended = _simulate(*SMALL, *options)
    rows = json.loads(figures.read_text())
    assert {row["scenario"] for row in rows} == {"severe", "ship complete"}, ended.stderr
    assert "200 order lines a world" in ended.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policies", "best"], "unknown policy 'best'; there are fifo, priority"),
        (["--scenario", "mild"], "--scenario mild: there are severe, moderate"),
        (["--patience", "ever"], "--patience ever: it runs from `due` or from `order`"),
        (["--orders", "nowhere.csv"], "--orders nowhere.csv: No such file or directory"),
        (["--policies", "none.json"], "--policies none.json: No such file or directory"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_one_line(options: list[str], words: str) -> None:
    ended = _simulate("--quick", *options)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_policy_of_a_file_is_judged_before_anything_is_simulated(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"ageing": {"step_days": 9}, "sorted": "fifo", "share": 3}))
    ended = _simulate("--quick", "--policies", str(file))
    assert ended.returncode == 2
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == [
        "--policies mine/ageing/max_days", "--policies mine/sorted", "--policies mine/share",
    ]  # fmt: skip
    assert "__new__" not in ended.stderr
    file.write_text('["fifo"]')
    assert _simulate("--quick", "--policies", str(file)).stderr == "--policies mine: Must be an object.\n"


def test_tiers_of_a_file_that_are_not_simulated_are_told_of(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"tiers": [{"name": "all", "weight": 1, "patience_days": 9, "due_days": 9}]}))
    ended = _simulate("--seeds", "1", "--skus", "1", "--days", "28", "--workers", "1", "--policies", str(file))
    assert "warning: --policies mine/tiers: The simulated tiers are gold, silver, bronze." in ended.stderr
    assert ended.returncode in (0, 1), ended.stderr
