"""The HTTP API of contacts, notifications and webhook endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from notification_service.entrypoints.http import contacts, notifications, webhook_endpoints
from notification_service.entrypoints.http.problems import PROBLEMS

__all__ = ["PROBLEMS", "ROUTERS", "TAGS"]

ROUTERS = (contacts.router, notifications.router, webhook_endpoints.router)

TAGS: Mapping[str, str] = {
    "contacts": "How to reach customers. The only personal data; it can be erased",
    "notifications": "Messages to customers: what they said, when, and what became of them",
    "webhooks": "Merchants' endpoints for the public events, by the Standard Webhooks specification",
}
