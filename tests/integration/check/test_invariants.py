"""Each invariant is broken by hand on real servers and seen; a system that keeps them all passes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from tests.integration.check.payment_breaks import PAYMENT_BREAKS

from backorder_verify.check import messaging_invariants
from backorder_verify.check.all_invariants import INVARIANTS
from backorder_verify.check.runner import check_system


def _record(revision: int = 1) -> str:
    """The statement that records a date of line l3, which was told in January."""
    return f"""
        INSERT INTO promise_record (line_id, revision, order_id, basis, date, time_zone, stated_at, cause,
                                    promise_revision, recorded_at)
        VALUES ('l3', {revision}, 'o2', 'promised', '2026-01-20', 'UTC', now(), 'OrderPlaced', 1, now())
    """


# Invariant → (service, statements that break it and, as far as possible, nothing else).
BREAKS: dict[str, tuple[str, str]] = {
    **PAYMENT_BREAKS,
    "outbox empty": (
        "order",
        "INSERT INTO outbox (event_id, topic, key, headers, value) VALUES ('e', 'orders', 'o1', '[]', '{}')",
    ),
    "nothing parked": (
        "allocation",
        "INSERT INTO parked_key (consumer, topic, key, error) VALUES ('allocation', 'orders', 'o1', 'ValueError')",
    ),
    "every record handled": ("allocation", "DELETE FROM inbox"),
    "order: line quantities": ("order", "UPDATE order_line SET waiting = waiting + 1 WHERE line_id = 'l3'"),
    "order: line sums": ("order", "UPDATE order_line SET allocated = 1 WHERE line_id = 'l1'"),
    "order: nothing pending": ("order", "UPDATE customer_order SET sequence = 4 WHERE order_id = 'o1'"),
    "order: cancelled or allocated": (
        "order",
        "UPDATE order_line SET cancelled = 6, waiting = 0 WHERE line_id = 'l1'",
    ),
    "order: shipped once": (
        "order",
        """INSERT INTO shipment (shipment_id, order_id, location_id, shipped_at, recorded_at)
           VALUES ('s2', 'o1', 'LONDON', now(), now());
           INSERT INTO shipment_line (shipment_id, line_id, quantity) VALUES ('s2', 'l1', 4)""",
    ),
    "promises: every open line": ("order", "UPDATE customer_order SET jurisdiction = 'EU' WHERE order_id = 'o2'"),
    "promises: revisions gapless": ("order", _record(revision=2)),
    "promises: newest is allocation's": (
        "order",
        f"{_record()}; UPDATE order_line SET promise_revision = 2, promise_cause = '' WHERE line_id = 'l3'",
    ),
    "promises: verdicts recompute": (
        "order",
        f"{_record()}; UPDATE customer_order SET jurisdiction = 'US' WHERE order_id = 'o2'",
    ),
    "refunds: of cancelled units": (
        "order",
        """INSERT INTO refund_right (refund_id, order_id, line_id, units, cause, vested_on, refund_due_by, fees,
                                     recorded_at)
           VALUES ('r1', 'o2', 'l3', 1, 'merchant_cancelled', '2026-01-20', '2026-02-03T00:00Z', false, now())""",
    ),
    "notices: one an offer": (
        "notification",
        """INSERT INTO notification (notification_id, order_id, contact_id, template, cause, facts, state, created_at,
                                     finished_at)
           VALUES ('n7', 'o1', 'c1', 'delay_notice', 'f1', '{}', 'sent', now(), now()),
                  ('n8', 'o1', 'c2', 'delay_notice', 'f1', '{}', 'sent', now(), now())""",
    ),
    "order: names in one form": ("order", "UPDATE customer_order SET reference = 'R1 ' WHERE order_id = 'o1'"),
    "stock: names in one form": (
        "inventory",
        """INSERT INTO location (location_id, name, priority, created_at, updated_at)
           VALUES (E'LON\\u200bDON', 'London', 1, now(), now())""",
    ),
    "contacts: names in one form": (
        "notification",
        """INSERT INTO contact (contact_id, email, locale, time_zone, created_at, updated_at)
           VALUES (E'Cafe\\u0301', 'cafe@shop.example', 'en', 'UTC', now(), now())""",
    ),
    "order: business times": (
        "order",
        "UPDATE customer_order SET placed_at = '2062-01-05T09:00Z' WHERE order_id = 'o1'",
    ),
    "allocation: outcomes of first dates": (
        "allocation",
        """INSERT INTO first_promise (line_id, sku, basis, source, target, first_date, asked_at, lead_time,
                                       table_version, confidence)
           VALUES ('l1', 'A', 'inbound', 'SUP', 95, '2026-02-01', '2026-01-05T09:00Z', 10, 1, 95);
           UPDATE lateness_state SET version = 1, built_for = '2026-02-03', built_at = now()""",
    ),
    "allocation: business times": ("allocation", "UPDATE sku SET last_now = '2062-01-05T09:00Z' WHERE sku = 'A'"),
    "stock: business times": (
        "inventory",
        "UPDATE stock_level SET counted_at = updated_at + interval '1 hour' WHERE sku = 'A'",
    ),
    "inbound: plausible dates": (
        "inventory",
        "UPDATE purchase_order_line SET eta = '1970-08-23T00:00Z' WHERE line_id = 'p1'",
    ),
    "allocation: line quantities": ("allocation", "UPDATE demand SET declined = 1 WHERE line_id = 'l3'"),
    "allocation: line sums": ("allocation", "UPDATE commitment SET granted = 5 WHERE line_id = 'l1'"),
    "allocation: cancelled or allocated": (
        "allocation",
        "UPDATE demand SET cancelled = 5 WHERE line_id = 'l1'",
    ),
    "allocation: granted counter": ("allocation", "UPDATE stock_level SET granted = 7 WHERE sku = 'A'"),
    "allocation: waiting counter": ("allocation", "UPDATE sku SET waiting_units = 7 WHERE sku = 'A'"),
    "allocation: promised buckets": (
        "allocation",
        "UPDATE promised SET promise_date = '2026-02-03' WHERE promise_date = '2026-02-01'",
    ),
    "allocation: claim counters": ("allocation", "UPDATE claimed SET backed_units = 2 WHERE claim_date = '2026-02-01'"),
    "allocation: backed by known supply": ("allocation", "UPDATE inbound SET eta = '2026-02-09' WHERE po_line = 'p1'"),
    "allocation: known supply backs in turn": (
        "allocation",
        "UPDATE queue_entry SET backed = false WHERE line_id = 'l3'; UPDATE claimed SET backed_units = 0",
    ),
    "allocation: queue promises": (
        "allocation",
        "UPDATE demand SET promise_date = '2026-02-03' WHERE line_id = 'l1'",
    ),
    "allocation: granted within supply": ("allocation", "UPDATE stock_level SET on_hand = 1 WHERE sku = 'A'"),
    "allocation: no idle stock": ("allocation", "UPDATE stock_level SET on_hand = 3 WHERE sku = 'A'"),
    "allocation: no complete order idle": ("allocation", "UPDATE stock_level SET on_hand = 20 WHERE sku = 'A'"),
    "allocation: complete or nothing": (
        "allocation",
        """UPDATE demand SET granted_units = 1 WHERE line_id = 'l4';
           INSERT INTO commitment (line_id, location, sku, granted, shipped) VALUES ('l4', 'LONDON', 'B', 1, 0)""",
    ),
    "allocation: loans owed": ("allocation", "UPDATE sku SET open_loans = 1 WHERE sku = 'A'"),
    "allocation: loan due dates": (
        "allocation",
        """INSERT INTO loan (loan_id, decision_id, sku, lender_line, lender_order, borrower_line, borrower_order,
                             location, units, po_line, supplier, repay_by, needed_on, chance, observations, evidence,
                             lent_at)
           VALUES ('x1', 'd1', 'A', 'l3', 'o2', 'l1', 'o1', 'LONDON', 1, 'p1', 'SUP', '2026-01-05', '2026-02-01', 0.9,
                   20, 'supplier', '2026-01-05T09:00Z')""",
    ),
    "allocation: everything decided": (
        "allocation",
        "INSERT INTO recheck (order_id, cause, cause_time) VALUES ('o2', 'event-1', now())",
    ),
    "allocation: decisions follow": (
        "allocation",
        """INSERT INTO decision (decision_id, cause, cause_type, decided_at, digest, steps)
           VALUES ('d1', 'event-1', 'StockReceived', now(), '',
                   '[{"kind": "fill", "policy": {"name": "default", "version": 1, "sort": "fifo"}, "blocked": [],
                      "supply": {"A": {"locations": [["LONDON", 10, 1]]}}}]');
           INSERT INTO decision_line (decision_id, step, rank, line_id, sku, quantity, granted, reason, facts)
           VALUES ('d1', 0, 1, 'l1', 'A', 2, 2, 'granted',
                   '{"order_id": "o1", "queued_at": "2026-01-01T00:00:00Z", "grants": [["LONDON", 2]]}')""",
    ),
    "allocation: decisions unaltered": (
        "allocation",
        """INSERT INTO decision (decision_id, cause, cause_type, decided_at, digest, steps)
           VALUES ('d2', 'event-2', 'StockReceived', now(), 'v2:0', '[]')""",
    ),
    "customers: told or about to be": (
        "notification",
        "UPDATE watched_line SET waiting = 2, allocated = 7 WHERE line_id = 'l1'",
    ),
    "customers: told by a message": ("notification", "DELETE FROM notification"),
    "messages: an end or a next attempt": (
        "notification",
        """INSERT INTO notification (notification_id, order_id, contact_id, template, cause, facts, state, created_at)
           VALUES ('n4', 'o1', 'c1', 'backordered', 'event-4', '{}', 'pending', now())""",
    ),
    "webhooks: an end or a next attempt": (
        "notification",
        """INSERT INTO webhook_endpoint (endpoint_id, url, event_types, created_at)
           VALUES ('w1', 'https://shop.example', '{}', now());
           INSERT INTO webhook_message (event_id, event_type, body, created_at) VALUES ('e1', 'sent', '{}', now());
           INSERT INTO webhook_delivery (endpoint_id, event_id, created_at) VALUES ('w1', 'e1', now())""",
    ),
    "lines: order = allocation": ("allocation", "UPDATE demand SET promise_date = '2026-03-01' WHERE line_id = 'l1'"),
    "grants: order = allocation": ("order", "UPDATE line_location SET allocated = 7 WHERE line_id = 'l1'"),
    "grants within stock": ("inventory", "UPDATE stock_level SET on_hand = 1 WHERE sku = 'A'"),
    "levels: inventory = allocation": ("allocation", "UPDATE stock_level SET shipped = 3 WHERE sku = 'A'"),
    "inbound: inventory = allocation": ("allocation", "UPDATE inbound SET remaining = 10 WHERE po_line = 'p1'"),
    "policies: inventory = allocation": ("allocation", "UPDATE sku SET cap = 5 WHERE sku = 'A'"),
    "lines: order = notification": ("notification", "UPDATE watched_line SET waiting = 0 WHERE line_id = 'l3'"),
    "stock: ledger adds up": (
        "inventory",
        """INSERT INTO ledger_entry (sku, location_id, kind, on_hand_delta, shipped_delta, on_hand_after, shipped_after,
                                     level_version, occurred_at, recorded_at, document_id, line_id, reason)
           VALUES ('B', 'LONDON', 'adjustment', 1, 0, 4, 0, 2, now(), now(), 'd9', '1', '')""",
    ),
    "stock: shipped by shipments": (
        "inventory",
        """INSERT INTO shipment_line (shipment_id, line_id, order_id, sku, location_id, quantity, shipped_at,
                                      recorded_at)
           VALUES ('s9', 'l1', 'o1', 'A', 'LONDON', 1, now(), now())""",
    ),
    "shipments: order = inventory": ("inventory", "DELETE FROM shipment_line"),
    "demand: order = inventory": ("inventory", "UPDATE demand_line SET cancelled = 0 WHERE line_id = 'l1'"),
    "policies: order = inventory": ("order", "UPDATE sku SET version = 2 WHERE sku = 'A'"),
}


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messaging_invariants, "_GRACE_SECONDS", 0.2)


async def broken(system: Any, name: str) -> int:
    """How many rows break the named invariant."""
    (invariant,) = [one for one in INVARIANTS if one.name == name]
    verdict = await check_system(
        system.running, wait=False, topic_prefix=system.topics.topic_prefix, invariants=[invariant]
    )
    assert verdict.holds == (verdict.findings[0].count == 0)
    return verdict.findings[0].count


async def test_a_system_that_keeps_every_invariant_passes(small_system: Any) -> None:
    console = Console(file=io.StringIO(), width=200)
    verdict = await check_system(
        small_system.running, console, within=20, topic_prefix=small_system.topics.topic_prefix
    )
    assert verdict.summary() == f"all {len(INVARIANTS)} hold"
    assert verdict.holds
    assert verdict.at_rest


@pytest.mark.parametrize("name", sorted(BREAKS))
async def test_an_invariant_broken_by_hand_is_caught(small_system: Any, name: str) -> None:
    assert await broken(small_system, name) == 0
    await small_system.execute(*BREAKS[name])
    assert await broken(small_system, name) > 0


async def test_an_unread_record_is_caught(small_system: Any) -> None:
    assert await broken(small_system, "lag 0") == 0
    await small_system.produce("allocations", "somebody.elses.type", "event-2")
    assert await broken(small_system, "lag 0") == 2, "order and notification read the topic"
    assert await broken(small_system, "every record handled") == 0, "nobody handles that type"


async def test_a_record_that_no_inbox_knows_is_caught_at_each_consumer(small_system: Any) -> None:
    await small_system.produce("orders", "OrderCancelled", "event-2")
    assert await broken(small_system, "every record handled") == 3


async def test_a_record_that_the_inboxes_have_forgotten_by_rule_is_not_missed(small_system: Any) -> None:
    await small_system.execute("allocation", "DELETE FROM inbox")
    (invariant,) = [one for one in INVARIANTS if one.name == "every record handled"]
    for horizon, held in ((timedelta(hours=1), False), (timedelta(hours=-1), True)):
        verdict = await check_system(
            small_system.running,
            wait=False,
            topic_prefix=small_system.topics.topic_prefix,
            inbox_horizon=datetime.now(UTC) - horizon,
            invariants=[invariant],
        )
        assert verdict.holds == held


async def test_a_message_sent_twice_is_caught_and_one_resent_on_request_is_not(small_system: Any) -> None:
    await small_system.execute(
        "notification",
        """INSERT INTO notification (notification_id, order_id, contact_id, template, cause, facts, state, created_at,
                                     finished_at, resend_of)
           VALUES ('n2', 'o1', 'c1', 'backordered', 'event-1', '{}', 'sent', now(), now(), 'n1')""",
    )
    assert await broken(small_system, "one message an event") == 0
    await small_system.without_index(
        "notification",
        "notification_once",
        """INSERT INTO notification (notification_id, order_id, contact_id, template, cause, facts, state, created_at)
           VALUES ('n3', 'o1', 'c1', 'backordered', 'event-1', '{}', 'sent', now())""",
    )
    assert await broken(small_system, "one message an event") == 1


async def test_a_line_that_only_one_service_knows_is_caught_wherever_it_stands_in_the_sequence(
    small_system: Any,
) -> None:
    await small_system.execute("allocation", "DELETE FROM demand WHERE line_id = 'l1'")
    assert await broken(small_system, "lines: order = allocation") == 1
    await small_system.execute("allocation", "DELETE FROM demand WHERE line_id IN ('l2', 'l4')")
    assert await broken(small_system, "lines: order = allocation") == 3


async def test_the_first_ten_violations_are_shown_and_all_are_counted(small_system: Any) -> None:
    await small_system.execute(
        "order", "INSERT INTO sku (sku, version, mode) SELECT 'X' || n, 1, 'backorder' FROM generate_series(1, 25) n"
    )
    console = Console(file=io.StringIO(), width=200)
    verdict = await check_system(
        small_system.running, console, wait=False, topic_prefix=small_system.topics.topic_prefix
    )
    (finding,) = [finding for finding in verdict.findings if not finding.holds]
    assert (finding.invariant.name, finding.count, len(finding.first_violations)) == (
        "policies: order = inventory",
        25,
        10,
    )
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "BROKEN by 25" in shown
    assert "sku=X1" in shown
    assert verdict.as_data()["holds"] is False


async def test_every_invariant_has_a_test_that_breaks_it() -> None:
    by_hand = {"lag 0", "one message an event"}
    assert set(BREAKS) | by_hand == {invariant.name for invariant in INVARIANTS}
