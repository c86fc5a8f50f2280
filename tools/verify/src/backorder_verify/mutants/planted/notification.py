"""Mutants of the notification service."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_SERVICE = "services/notification-service/src/notification_service"
_UNIT = "tests/unit/notification"
_INTEGRATION = "tests/integration/notification"

MUTANTS = (
    Mutant(
        "later-mail-overtakes",
        "A later notification of an order is sent while an earlier one waits for its next attempt",
        f"{_SERVICE}/adapters/sql_notification_store.py",
        """
          AND (n.template IN ('delay_notice', 'payment_problem') OR NOT EXISTS (
              SELECT FROM notification earlier
              WHERE earlier.order_id = n.order_id AND earlier.state = 'pending'
                AND earlier.notification_id < n.notification_id))""",
        "",
        (f"{_INTEGRATION}/test_stores.py",),
    ),
    Mutant(
        "erasure-keeps-the-html-body",
        "The erasure of a contact keeps the HTML body of what was sent to it",
        f"{_SERVICE}/adapters/sql_notification_store.py",
        "body_text = NULL, body_html = NULL, version",
        "body_text = NULL, version",
        (f"{_INTEGRATION}/test_stores.py",),
    ),
    Mutant(
        "message-held-for-ever",
        "A message is held as long as units keep being taken back",
        f"{_SERVICE}/domain/messages.py",
        "min(settled, max(due.due_at, due.opened_at + timing.longest))",
        "settled",
        (f"{_UNIT}/test_message_timing.py",),
    ),
    Mutant(
        "shipped-units-still-wait",
        "Units that have left are told as waiting, while allocation's event about them is in flight",
        f"{_SERVICE}/domain/lines.py",
        "open_units = max(0, self.quantity - self.cancelled - self.shipped)",
        "open_units = max(0, self.quantity - self.cancelled)",
        (f"{_UNIT}/test_line_changes.py",),
    ),
    Mutant(
        "taken-back-units-are-not-told",
        "Nobody is told that allocated units were taken back",
        f"{_SERVICE}/domain/lines.py",
        "if taken_back:",
        "if False:",
        (f"{_UNIT}/test_line_changes.py",),
    ),
    Mutant(
        "old-order-state-applied",
        "An older state of an order replaces a newer one",
        f"{_SERVICE}/domain/orders.py",
        "if snapshot.sequence <= self.sequence:",
        "if snapshot.sequence < 0:",
        (f"{_UNIT}/test_messages_to_customers.py", f"{_UNIT}/test_random_histories.py"),
    ),
    Mutant(
        "superseded-notification-resent",
        "A notification that was superseded can be sent again",
        f"{_SERVICE}/domain/notifications.py",
        "if self.state is NotificationState.SUPERSEDED:",
        "if False:",
        (f"{_UNIT}/test_resending.py",),
    ),
    Mutant(
        "ended-notification-ends-again",
        "A notification that has been sent is recorded as failed by a second worker's result",
        f"{_SERVICE}/adapters/sql_notification_store.py",
        "WHERE n.notification_id = r.notification_id AND n.state IN ('pending', 'waiting_for_contact')",
        "WHERE n.notification_id = r.notification_id",
        (f"{_INTEGRATION}/test_stores.py",),
    ),
)
"""Mutants of the notification service."""
