"""The HTTP API of contacts, notifications and webhook endpoints."""

from __future__ import annotations

from collections.abc import Mapping

TAGS: Mapping[str, str] = {
    "contacts": "How to reach customers: the only personal data, erasable",
    "notifications": "Messages to customers: what was told, when, and what became of it",
    "webhooks": "Merchants' endpoints for the public events, by the Standard Webhooks specification",
}
