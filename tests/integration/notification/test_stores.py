"""The SQL stores keep the promises that the stores in memory keep: the same tests on PostgreSQL."""

from tests.unit.notification.test_notification_store import TestNotifications
from tests.unit.notification.test_order_and_contact_stores import TestContacts, TestOrders, TestUnitOfWork
from tests.unit.notification.test_webhook_stores import TestWebhookDeliveries, TestWebhookEndpoints

__all__ = [
    "TestContacts",
    "TestNotifications",
    "TestOrders",
    "TestUnitOfWork",
    "TestWebhookDeliveries",
    "TestWebhookEndpoints",
]
