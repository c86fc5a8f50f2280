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
        (["--orders", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_one_line(options: list[str], words: str) -> None:
    ended = _simulate("--quick", *options)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
