"""The tables that every service has in addition to its own."""

from __future__ import annotations

from typing import Protocol

from service_kit.commands.tables import IDEMPOTENCY_DDL
from service_kit.messaging.tables import DISCARDED_EVENT_DDL, MESSAGING_DDL
from service_kit.persistence.parked_work_tables import PARKED_WORK_DDL


class Operations(Protocol):
    """The part of ``alembic.op`` that is used here."""

    def execute(self, sqltext: str) -> object:
        """Run one statement."""
        ...


def create_kit_tables(op: Operations) -> None:
    """Create outbox, inbox, parked_key, parked_event and idempotency_record; for a service's first migration."""
    for statement in (*MESSAGING_DDL, *IDEMPOTENCY_DDL):
        op.execute(statement)


def create_parked_work_tables(op: Operations) -> None:
    """Create discarded_event, parked_work and worker_trouble, in a migration of their own."""
    for statement in (DISCARDED_EVENT_DDL, *PARKED_WORK_DDL):
        op.execute(statement)
