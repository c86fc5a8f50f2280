"""A batch of new orders in one statement: orders, lines, history, events and the claims of idempotency keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from order_service.adapters.payments.payment_rows import NEW_PAYMENT_COLUMNS, new_payment_row
from order_service.adapters.single_statement import (
    CLAIMS,
    OUTCOMES,
    RECORDED,
    SENT,
    claim_parameters,
    event_parameters,
    outcomes_of,
    recorded_meanwhile,
)
from order_service.adapters.sql_history import HISTORY_COLUMNS, history_row
from order_service.adapters.sql_order_rows import ORDER_COLUMNS, order_row
from order_service.adapters.sql_skus import KnownSkus, SqlSkuCatalogue
from order_service.application.commands import Accepted, PlaceOrder
from order_service.application.ports import NewOrderUnitOfWork, PlacedOrder
from order_service.domain.errors import Refusal
from service_kit.commands.idempotency import Claimed, IdempotencyClaim, IdempotencyRecord
from service_kit.messaging.outbox import prepare
from service_kit.persistence.bulk import documents, names, recordset
from service_kit.persistence.database import DirectConnection
from service_kit.persistence.statements import Statement
from service_kit.runtime.clock import Clock

_LINE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line_id", "text"),
    ("order_id", "text"),
    ("position", "int"),
    ("sku", "text"),
    ("reference", "text"),
    ("quantity", "bigint"),
    ("unit_price", "bigint"),
    ("quoted_date", "date"),
    ("charged", "bigint"),
)

_PAYMENTS = f"""
    , payments AS (
        INSERT INTO payment ({names(NEW_PAYMENT_COLUMNS)}, look_at, updated_at)
        SELECT {names(NEW_PAYMENT_COLUMNS)}, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
        FROM {recordset(NEW_PAYMENT_COLUMNS, "p", "payments")} JOIN made ON order_id = resource_id
    )
"""

# An order whose reference is taken is left out, and so are its lines, its history and its event, which join it.
# The orders are sorted by reference, so that batches with references in common wait for each other in one direction.
_ADDING = f"""
    WITH {CLAIMS}, made AS (
        INSERT INTO customer_order ({names(ORDER_COLUMNS)}, updated_at)
        SELECT {names(ORDER_COLUMNS)}, CAST(:now AS timestamptz) FROM {recordset(ORDER_COLUMNS, "o", "orders")}
        WHERE order_id NOT IN (SELECT resource_id FROM refused)
        ORDER BY reference
        ON CONFLICT (reference) DO NOTHING
        RETURNING order_id AS resource_id
    ), lines AS (
        INSERT INTO order_line ({names(_LINE_COLUMNS)})
        SELECT {names(_LINE_COLUMNS)} FROM {recordset(_LINE_COLUMNS, "l", "lines")} JOIN made ON order_id = resource_id
    ), history AS (
        INSERT INTO order_history ({names(HISTORY_COLUMNS)}, recorded_at)
        SELECT {names(HISTORY_COLUMNS)}, CAST(:now AS timestamptz)
        FROM {recordset(HISTORY_COLUMNS, "h", "history")} JOIN made ON order_id = resource_id
    ), {RECORDED}, {SENT}
"""
# Most orders are paid elsewhere; their statement is planned without the payments.
_ADD = Statement(f"{_ADDING} {OUTCOMES}")
_ADD_WITH_PAYMENTS = Statement(f"{_ADDING} {_PAYMENTS} {OUTCOMES}")

_HOLDERS = Statement(
    "SELECT reference, order_id FROM customer_order WHERE reference = ANY(CAST(:references AS text[]))"
)


class SqlNewOrderStore:
    """`NewOrderStore` in one statement, which also claims the idempotency keys of the batch's commands.

    After the statement, ``used_keys`` holds the orders that were not stored because their key was not free: by order
    id, the record of the key, or that another process is working on the same key.
    """

    def __init__(self, conn: DirectConnection, now: datetime, claims: Sequence[IdempotencyClaim]) -> None:
        self._conn = conn
        self._now = now
        self._claims = claims
        self.carried_out = False
        self.used_keys: dict[str, Claimed | IdempotencyRecord] = {}

    async def add(self, new_orders: Sequence[PlacedOrder]) -> Mapping[str, str]:
        """See NewOrderStore. One statement; up to two more if orders were left out. Call it once."""
        orders = [new_order.order for new_order in new_orders]
        lines = [
            (
                line.line_id,
                order.order_id,
                line.position,
                line.sku,
                line.reference,
                line.quantity,
                line.unit_price,
                line.quoted_date,
                line.charged,
            )
            for order in orders
            for line in order.lines.values()
        ]
        payments = [new_payment_row(each.payment) for each in new_orders if each.payment is not None]
        rows = await (_ADD_WITH_PAYMENTS if payments else _ADD).rows(
            self._conn.driver,
            {
                **({"payments": documents(NEW_PAYMENT_COLUMNS, payments)} if payments else {}),
                "now": self._now,
                **claim_parameters(self._claims),
                "orders": documents(ORDER_COLUMNS, [order_row(order) for order in orders]),
                "lines": documents(_LINE_COLUMNS, lines),
                "history": documents(HISTORY_COLUMNS, [history_row(each.history_entry) for each in new_orders]),
                **event_parameters(prepare([new_order.event for new_order in new_orders])),
            },
        )
        self.carried_out = True
        self._conn.outbox_written = True
        outcomes = outcomes_of(rows)
        self.used_keys = {order_id: found for order_id, found in outcomes.items() if found is not Claimed.NEW}
        left_out = {order.order_id: order.terms.reference for order in orders if order.order_id not in outcomes}
        return await self._why_left_out(left_out) if left_out else {}

    async def _why_left_out(self, references: Mapping[str, str]) -> Mapping[str, str]:
        """The holders of the references, by the id of the order left out, unless its key was recorded meanwhile."""
        claims = [claim for claim in self._claims if claim.resource_id in references]
        recorded = await recorded_meanwhile(self._conn, claims)
        self.used_keys.update(recorded)
        taken = {order_id: reference for order_id, reference in references.items() if order_id not in recorded}
        return await self._holders(taken) if taken else {}

    async def _holders(self, taken: Mapping[str, str]) -> Mapping[str, str]:
        """Raises RuntimeError if no order has a reference: then nothing explains why its order was left out."""
        rows = await _HOLDERS.rows(self._conn.driver, {"references": list(taken.values())})
        holders: dict[str, str] = dict(map(tuple, rows))
        for order_id, reference in taken.items():
            if reference not in holders:
                raise RuntimeError(f"order {order_id} was not placed although no order has its reference")
        return {order_id: holders[reference] for order_id, reference in taken.items()}


class SqlNewOrderUnitOfWork:
    """`NewOrderUnitOfWork` on one statement, which is its own transaction."""

    def __init__(
        self, conn: DirectConnection, now: datetime, known: KnownSkus, claims: Sequence[IdempotencyClaim] = ()
    ) -> None:
        self.now = now
        self.skus = SqlSkuCatalogue(conn, known)
        self.new_orders = SqlNewOrderStore(conn, now, claims)


PlaceOrdersUseCase = Callable[[NewOrderUnitOfWork, Sequence[PlaceOrder]], Awaitable[Sequence[Accepted | Refusal]]]


class PlaceOrdersInOneStatement:
    """Runs the use case for a batch whose claims, effects and events are one statement; see `SingleStatementAttempt`.

    A command whose key was used before gets the answer recorded with the key, even if the use case refuses it now: a
    repeated request is answered as the first time although, for example, a date in it has passed since.
    """

    def __init__(self, use_case: PlaceOrdersUseCase, clock: Clock) -> None:
        self._use_case = use_case
        self._clock = clock
        self._known = KnownSkus()

    async def __call__(
        self, conn: DirectConnection, commands: Sequence[PlaceOrder], claims: Sequence[IdempotencyClaim | None]
    ) -> Sequence[Accepted | Refusal | IdempotencyRecord | Claimed]:
        """Carry out ``commands``; for each its result, its refusal, or what its key was used for already."""
        given = [claim for claim in claims if claim is not None]
        uow = SqlNewOrderUnitOfWork(conn, self._clock.now(), self._known, given)
        results = await self._use_case(uow, commands)
        if not uow.new_orders.carried_out:
            await uow.new_orders.add([])
        used_keys = uow.new_orders.used_keys
        return [used_keys.get(command.order_id, result) for command, result in zip(commands, results, strict=True)]
