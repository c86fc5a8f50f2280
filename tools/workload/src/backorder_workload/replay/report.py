"""The result of a replay, as a table for people and as data for programs."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from backorder_workload.replay.driver import Result


def result_as_data(result: Result, verdict: Mapping[str, object] | None) -> dict[str, object]:
    """The result as JSON data; `check` is null if the invariants were not checked."""
    report = result.stream.report
    records = sum(result.topics.values())
    return {
        "figures": result.figures.as_data(),
        "messages": {"sent": messages_sent(result), "failed": result.events.get("NotificationFailed", 0)},
        "simulated": {
            "first_day": result.first_day.isoformat(),
            "last_day": result.last_day.isoformat(),
            **result.done,
        },
        "speed": {
            "seconds": round(result.seconds, 1),
            "orders_per_second": round(result.figures.orders / result.seconds, 1),
            "lines_per_second": round(result.figures.lines / result.seconds, 1),
            "http_calls": result.calls,
            "http_calls_per_second": round(result.calls / result.seconds, 1),
            "events": records,
            "events_per_second": round(records / result.seconds, 1),
            "events_by_topic": dict(result.topics),
        },
        "answers": dict(result.events),
        "refused": dict(result.refused),
        "input": {
            "rows": report.rows,
            "service_lines_skipped": dict(report.service_lines),
            "returned_lines_skipped": report.returned_lines,
            "oversized_lines_skipped": report.oversized_lines,
            "invoices_of_services_only": report.invoices_of_services_only,
            "split_invoices": report.split_invoices,
            "orders_naming_a_sku_twice": report.orders_naming_a_sku_twice,
        },
        "check": verdict,
    }


def messages_sent(result: Result) -> int:
    """Number of messages sent during the replay."""
    return result.events.get("NotificationSent", 0)


def print_result(console: Console, result: Result, verdict: str | None) -> None:
    """Print the table of a replay, with the verdict if the invariants were checked."""
    table = Table(title=f"Replay of {result.first_day} to {result.last_day}", show_header=False, title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("share", justify="right", style="dim")
    for rows in (_amounts(result), _service(result), _speed(result)):
        for what, figure, share in rows:
            table.add_row(what, figure, share)
        table.add_section()
    if verdict is not None:
        table.add_row("invariants", verdict, "")
    console.print(table)
    skipped = result.stream.report.service_lines
    if skipped:
        named = ", ".join(f"{code} {count}" for code, count in skipped.most_common(8))
        console.print(f"{skipped.total():,} lines of services were not placed as goods: {named}")
    for what, count in sorted(result.refused.items()):
        console.print(f"{count:,} calls were refused because of a concurrent change ({what})")


def _amounts(result: Result) -> list[tuple[str, str, str]]:
    figures = result.figures

    def units(what: str, amount: int) -> tuple[str, str, str]:
        return what, f"{amount:,}", f"{amount / figures.units:.1%}" if figures.units else ""

    return [
        ("orders", f"{figures.orders:,}", ""),
        ("lines", f"{figures.lines:,}", ""),
        ("units", f"{figures.units:,}", ""),
        units("units filled at once", figures.filled_at_once),
        units("units backordered", figures.backordered),
        units("units filled later", figures.filled_later),
        units("units declined", figures.declined),
        units("units cancelled", figures.cancelled),
        units("units shipped", figures.shipped),
        units("units still waiting", figures.still_waiting),
    ]


def _service(result: Result) -> list[tuple[str, str, str]]:
    waits, promises = result.figures.waits, result.figures.promises
    kept = "" if promises.kept_share is None else f"{promises.kept_share:.1%} of those due"
    return [
        ("wait, mean", _days(waits.mean_days), ""),
        ("wait, 95 % within", _days(waits.p95_days), ""),
        ("promises made", f"{promises.made:,}", ""),
        ("promises kept, first date", f"{promises.kept:,}", kept),
        ("promises kept, as revised", f"{promises.kept_as_revised:,}", ""),
        ("first date missed", f"{promises.broken:,}", ""),
        ("promises withdrawn or open", f"{promises.withdrawn + promises.open:,}", ""),
        ("messages sent", f"{messages_sent(result):,}", ""),
    ]


def _speed(result: Result) -> list[tuple[str, str, str]]:
    records = sum(result.topics.values())
    return [
        ("time", f"{result.seconds:,.0f} s", ""),
        ("orders a second", f"{result.figures.orders / result.seconds:,.1f}", ""),
        ("events", f"{records:,}", f"{records / result.seconds:,.0f} a second"),
        ("HTTP calls", f"{result.calls:,}", f"{result.calls / result.seconds:,.0f} a second"),
    ]


def _days(days: float | None) -> str:
    return "none waited" if days is None else f"{days:.1f} days"
