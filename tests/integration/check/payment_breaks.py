"""How each invariant about money is broken by hand, and as far as possible nothing else."""

from __future__ import annotations


def _payment(**figures: object) -> str:
    """A payment of order 1 with these figures."""
    named = "".join(f", {name}" for name in figures)
    values = "".join(f", {value}" for value in figures.values())
    return f"""
        INSERT INTO payment (payment_id, order_id, provider, method, currency, charge_at, opened_at, updated_at{named})
        VALUES ('p1', 'o1', 'webhook', 'm', 'EUR', 'order', now(), now(){values});
    """


def _attempt(number: int, kind: str, amount: int, state: str, of: str = "NULL") -> str:
    return f"""
        INSERT INTO payment_attempt (attempt_id, payment_id, number, kind, amount, units, of, state, created_at)
        VALUES ('a{number}', 'p1', {number}, '{kind}', {amount}, '{{}}', {of}, '{state}', now());
    """


def _entry(account: str, amount: int) -> str:
    return f"""
        INSERT INTO money_entry (payment_id, source, account, amount, posted_at)
        VALUES ('p1', 'a1', '{account}', {amount}, now());
    """


def _transfer(amount: int) -> str:
    return _entry("customer", -amount) + _entry("provider", amount)


_UNPAID = "UPDATE order_line SET charged = 0, unit_price = 7 WHERE line_id = 'l1';"

PAYMENT_BREAKS: dict[str, tuple[str, str]] = {
    name: ("order", statements)
    for name, statements in {
        "payments: entries add up": _entry("customer", 5),
        "payments: figures follow attempts": _payment(captured=5, refunded=5),
        "payments: entries follow attempts": _payment() + _transfer(5),
        "payments: taken as due": _payment(due=5),
        "payments: held as due": _payment(held=5),
        "payments: one open attempt": _payment()
        + "DROP INDEX payment_attempt_open;"
        + _attempt(1, "charge", 5, "pending")
        + _attempt(2, "charge", 5, "unknown"),
        "payments: refunds within charges": _payment(captured=5, refunded=6, due=-1)
        + _attempt(1, "charge", 5, "succeeded")
        + _attempt(2, "refund", 6, "succeeded", "'a1'")
        + _transfer(-1),
        "payments: no refund overdue": _payment(refund_due=5, refund_due_by="now() - interval '1 day'"),
        "payments: nothing unpaid in hand": _payment() + _UNPAID,
    }.items()
}
