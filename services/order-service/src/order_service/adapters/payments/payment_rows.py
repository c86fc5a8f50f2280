"""The rows of payments: their columns, and how a payment becomes rows and rows a payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from order_service.application.payments.ports import StoredPayment
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, HoldEnd
from order_service.domain.payments.disputes import Dispute, DisputeState
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.steady_units import Since
from order_service.domain.payments.summary import PaymentState, PaymentSummary
from order_service.domain.payments.terms import ChargeAt, Fee, PaymentTerms

NEW_PAYMENT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("payment_id", "text"),
    ("order_id", "text"),
    ("provider", "text"),
    ("method", "text"),
    ("currency", "text"),
    ("charge_at", "text"),
    ("deposit_percent", "int"),
    ("deposit_kept", "boolean"),
    ("fees", "jsonb"),
    ("opened_at", "timestamptz"),
)

ATTEMPT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("attempt_id", "text"),
    ("payment_id", "text"),
    ("number", "int"),
    ("kind", "text"),
    ("amount", "bigint"),
    ("units", "jsonb"),
    ("of", "text"),
    ("method", "text"),
    ("state", "text"),
    ("reference", "text"),
    ("reason", "text"),
    ("ends_at", "timestamptz"),
    ("action_url", "text"),
    ("hold_end", "text"),
    ("outside", "boolean"),
    ("created_at", "timestamptz"),
    ("looks", "int"),
    ("look_at", "timestamptz"),
)


def new_payment_row(payment: Payment) -> tuple[Any, ...]:
    """The values of NEW_PAYMENT_COLUMNS."""
    terms = payment.terms
    return (
        payment.payment_id,
        payment.order_id,
        payment.provider,
        payment.method,
        terms.currency,
        terms.charge_at.value,
        terms.deposit_percent,
        terms.deposit_kept,
        orjson.dumps([[fee.name, fee.amount] for fee in terms.fees]).decode(),
        payment.opened_at,
    )


def payment_parameters(stored: StoredPayment) -> dict[str, Any]:
    """What can change of a payment's row, by column."""
    payment, summary = stored.payment, stored.summary
    return {
        "payment_id": payment.payment_id,
        "method": payment.method,
        "version": payment.version,
        "charged": orjson.dumps(payment.charged).decode(),
        "allocated": orjson.dumps(payment.allocated).decode(),
        "conceded": payment.conceded,
        "declines": payment.declines,
        "grace_until": payment.grace_until,
        "retry_at": payment.retry_at,
        "refund_since": payment.refund_since,
        "due": summary.due,
        "held_due": summary.held_due,
        "held": summary.held,
        "captured": summary.captured,
        "refunded": summary.refunded,
        "refund_due": summary.refund_due,
        "refund_due_by": stored.refund_due_by,
        "state": summary.state.value,
        "look_at": stored.look_at,
    }


def attempt_row(payment_id: str, number: int, attempt: Attempt) -> tuple[Any, ...]:
    """The values of ATTEMPT_COLUMNS; ``number`` counts the attempts of the payment from 1."""
    return (
        attempt.attempt_id,
        payment_id,
        number,
        attempt.kind.value,
        attempt.amount,
        orjson.dumps(dict(attempt.units)).decode(),
        attempt.of,
        attempt.method,
        attempt.state.value,
        attempt.reference,
        attempt.reason,
        attempt.ends_at,
        attempt.action_url,
        attempt.hold_end.value if attempt.hold_end else None,
        attempt.outside,
        attempt.created_at,
        attempt.looks,
        attempt.look_at,
    )


def stored_payment_of(
    row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], disputes: Sequence[Mapping[str, Any]]
) -> StoredPayment:
    """The payment of a row, its attempts in their order, and its disputes."""
    terms = PaymentTerms(
        currency=row["currency"],
        charge_at=ChargeAt(row["charge_at"]),
        deposit_percent=row["deposit_percent"],
        deposit_kept=row["deposit_kept"],
        fees=tuple(Fee(name, amount) for name, amount in row["fees"]),
    )
    payment = Payment(
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        provider=row["provider"],
        terms=terms,
        method=row["method"],
        opened_at=row["opened_at"],
        version=row["version"],
        charged=dict(row["charged"]),
        allocated={line_id: _since(since) for line_id, since in row["allocated"].items()},
        attempts=[_attempt(each) for each in attempts],
        disputes={each["dispute_id"]: _dispute(each) for each in disputes},
        conceded=row["conceded"],
        declines=row["declines"],
        grace_until=row["grace_until"],
        retry_at=row["retry_at"],
        refund_since=row["refund_since"],
    )
    summary = PaymentSummary(
        due=row["due"],
        held_due=row["held_due"],
        held=row["held"],
        captured=row["captured"],
        refunded=row["refunded"],
        refund_due=row["refund_due"],
        refund_since=row["refund_since"] if row["refund_due"] else None,
        state=PaymentState(row["state"]),
    )
    return StoredPayment(payment, summary, row["look_at"], row["refund_due_by"])


def _since(packed: Sequence[Sequence[Any]]) -> Since:
    return tuple((datetime.fromisoformat(began), units) for began, units in packed)


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        attempt_id=row["attempt_id"],
        kind=AttemptKind(row["kind"]),
        amount=row["amount"],
        created_at=row["created_at"],
        units=row["units"],
        of=row["of"],
        method=row["method"],
        state=AttemptState(row["state"]),
        reference=row["reference"],
        reason=row["reason"],
        ends_at=row["ends_at"],
        action_url=row["action_url"],
        hold_end=HoldEnd(row["hold_end"]) if row["hold_end"] else None,
        outside=row["outside"],
        looks=row["looks"],
        look_at=row["look_at"],
    )


def _dispute(row: Mapping[str, Any]) -> Dispute:
    return Dispute(row["dispute_id"], row["of"], row["amount"], DisputeState(row["state"]))
