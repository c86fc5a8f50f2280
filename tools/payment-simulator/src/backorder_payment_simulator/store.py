"""What the simulator remembers, in SQLite: a restart of the machine is no restart of the bank."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backorder_payment_simulator.wire import WireObject, missing

_TABLES = """
CREATE TABLE IF NOT EXISTS object (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL, kind TEXT NOT NULL, due REAL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_due ON object (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, made_at REAL NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What was responded to a request under an idempotency key."""

    made_at: float
    request: str
    status: int
    body: WireObject


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to the webhook; ``due`` is by the clock of this machine, not the simulated one."""

    number: int
    event_id: str
    tries: int


class Store:
    """Objects, responses and deliveries. Nothing is kept before `commit`."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._database.executescript(_TABLES)

    def commit(self) -> None:
        """Keep what was written."""
        self._database.commit()

    def rollback(self) -> None:
        """Forget what was written since the last commit."""
        self._database.rollback()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def put(self, item: WireObject) -> None:
        """Write an object; ``_due`` is when time alone changes it."""
        self._database.execute(
            "INSERT INTO object (id, seq, kind, due, body) "
            "VALUES (:id, (SELECT coalesce(max(seq), 0) + 1 FROM object), :kind, :due, :body) "
            "ON CONFLICT (id) DO UPDATE SET due = excluded.due, body = excluded.body",
            {"id": item["id"], "kind": item["object"], "due": item.get("_due"), "body": json.dumps(item)},
        )

    def get(self, kind: str, identifier: str) -> WireObject:
        """An object; raises ApiError if there is none of this kind."""
        found = self._database.execute("SELECT body FROM object WHERE id = ? AND kind = ?", (identifier, kind))
        row = found.fetchone()
        if row is None:
            raise missing(kind, identifier)
        item: WireObject = json.loads(row[0])
        return item

    def newest(self, kind: str) -> Iterator[WireObject]:
        """All objects of a kind, the newest first."""
        for (body,) in self._database.execute("SELECT body FROM object WHERE kind = ? ORDER BY seq DESC", (kind,)):
            yield json.loads(body)

    def next_due(self, now: float) -> WireObject | None:
        """The object that time has changed first, as of ``now``."""
        found = self._database.execute("SELECT body FROM object WHERE due <= ? ORDER BY due, seq LIMIT 1", (now,))
        row = found.fetchone()
        return None if row is None else json.loads(row[0])

    def response(self, key: str) -> StoredResponse | None:
        """What was responded under a key."""
        found = self._database.execute("SELECT made_at, request, status, body FROM idempotency WHERE key = ?", (key,))
        row = found.fetchone()
        return None if row is None else StoredResponse(row[0], row[1], row[2], json.loads(row[3]))

    def keep_response(self, key: str, response: StoredResponse) -> None:
        """Keep what is responded under a key."""
        self._database.execute(
            "INSERT OR REPLACE INTO idempotency (key, made_at, request, status, body) VALUES (?, ?, ?, ?, ?)",
            (key, response.made_at, response.request, response.status, json.dumps(response.body)),
        )

    def deliver(self, event_id: str, due: float) -> None:
        """Send an event to the webhook from ``due`` on."""
        self._database.execute("INSERT INTO delivery (event_id, due) VALUES (?, ?)", (event_id, due))

    def due_deliveries(self, now: float, limit: int = 20) -> list[Delivery]:
        """Deliveries whose time has come."""
        found = self._database.execute(
            "SELECT number, event_id, tries FROM delivery WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
        )
        return [Delivery(*row) for row in found]

    def try_again(self, delivery: Delivery, due: float) -> None:
        """A delivery failed."""
        self._database.execute(
            "UPDATE delivery SET due = ?, tries = tries + 1 WHERE number = ?", (due, delivery.number)
        )

    def delivered(self, delivery: Delivery) -> None:
        """A delivery has arrived, or is given up."""
        self._database.execute("DELETE FROM delivery WHERE number = ?", (delivery.number,))

    def setting(self, name: str, default: str) -> str:
        """Something that was set."""
        row = self._database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Set something."""
        self._database.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))
