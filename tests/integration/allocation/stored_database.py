"""The rows of a database that release 0001-0009 wrote, and what the API of that time answered about them.

It is an excerpt: 40 units of J that went to lines left out of it were taken off J's ``granted`` and ``on_hand``, so
that the counters agree with the commitments that are there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

BEFORE: dict[str, Any] = json.loads((Path(__file__).parent / "stored_with_english_reasons.json").read_text())


async def store_rows(conn: AsyncConnection) -> None:
    """Replace what is there by these rows, as they were: columns that came later are empty."""
    tables: dict[str, list[dict[str, Any]]] = BEFORE["tables"]
    await conn.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))
    for table, rows in tables.items():
        names = ", ".join(rows[0])
        await conn.execute(
            text(
                f"INSERT INTO {table} ({names})"
                f" SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, CAST(:rows AS jsonb))"
            ),
            {"rows": json.dumps(rows)},
        )
