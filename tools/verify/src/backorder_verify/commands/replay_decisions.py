"""`backorder replay-decisions`: does every stored decision follow from its stored inputs?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import typer
from rich.console import Console

from backorder_local.commands.options import DataDir, data_directory, misused
from backorder_local.running import NotRunning, running_system
from backorder_verify.recomputing.comparison import Comparison, compare
from backorder_verify.recomputing.decision_stream import DecisionRange, stored_decisions

_PREFETCH = 2_000
_AN_ID = "0198a3c4-5b1e-7c3a-9d0f-2b6f5a0c1e77"
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay-decisions")(replay_decisions)


def replay_decisions(
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="Only decisions since this time (UTC).")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="Id of the first decision.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Id of the last decision.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most this many: the newest, or the first with --from or --since.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file too.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(envvar="ALLOCATION_DATABASE_URL", help="Allocation's database, for a system that runs elsewhere."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Recompute stored decisions from their inputs and compare. Exits with 1 if one comes out differently or was
    altered, with 2 if the options name no possible range."""
    console = Console(soft_wrap=True)
    for option, given in (("--from", first), ("--to", last)):
        if given is not None and not _is_id(given):
            raise misused(f"{option} {given}: not the id of a decision; ids look like {_AN_ID}")
    if first is not None and last is not None and last < first:
        raise misused("--to names a decision made before the one of --from")
    since = since.replace(tzinfo=UTC) if since is not None else None
    newest = first is None and since is None
    chosen = DecisionRange(first or "", last, since, limit, newest=newest)
    try:
        url = database_url or running_system(data_directory(data_dir).root).database_urls["allocation"]
        found = asyncio.run(_compare(url, chosen))
    except (NotRunning, OSError, asyncpg.PostgresError) as error:
        raise SystemExit(str(error)) from None
    if json_file is not None:
        json_file.write_text(json.dumps(found.as_data(), indent=2) + "\n")
    for line in _report(found):
        console.print(line, highlight=False, markup=False)
    raise SystemExit(0 if found.holds else 1)


def _is_id(given: str) -> bool:
    """Whether the text is a UUID in the form in which ids are stored, for they are compared as text."""
    try:
        return str(UUID(given)) == given
    except ValueError:
        return False


async def _compare(url: str, chosen: DecisionRange) -> Comparison:
    """Compare in one snapshot, so that decisions stored meanwhile make no difference."""
    connection = await asyncpg.connect(
        url.replace("+asyncpg", ""), server_settings={"application_name": "backorder-replay-decisions"}
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):

            async def rows(query: str, *values: Any) -> AsyncIterator[Any]:
                async for row in connection.cursor(query, *values, prefetch=_PREFETCH):
                    yield row

            return await compare(stored_decisions(rows, chosen))
    finally:
        await connection.close()


def _report(found: Comparison) -> list[str]:
    """The verdict and the first differences, one line of text each."""
    if not found.compared:
        report = ["no decision to recompute"]
    else:
        # Rounded down, so that one difference in a million does not look like none.
        percent = f"{10_000 * found.identical // found.compared / 100:g} %"
        speed = found.compared / max(found.seconds, 1e-9)
        report = [
            f"{found.identical:,} of {found.compared:,} decisions are identical ({percent}):"
            f" {found.lines:,} lines in {found.seconds:.1f} s, {speed:,.0f} decisions/s"
        ]
    if found.summarised:
        report.append(f"{found.summarised:,} are summarised: their inputs are no longer kept")
    if found.without_policy:
        report.append(f"{found.without_policy:,} follow from no policy and cannot be recomputed")
    for one in found.first_differences:
        report.append(f"DIFFERENT {one.decision_id}, step {one.step} ({one.kind}): {'; '.join(one.lines()[:5])}")
    if found.different > len(found.first_differences):
        report.append(f"and more: {found.different:,} decisions differ in all")
    report += [
        f"ALTERED {decision_id}: it does not fit the digest stored with it" for decision_id in found.first_altered
    ]
    if found.altered > len(found.first_altered):
        report.append(f"and more: {found.altered:,} decisions were altered in all")
    return report
