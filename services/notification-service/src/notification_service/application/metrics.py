"""The service's own metrics, on Prometheus' default registry."""

from __future__ import annotations

from prometheus_client import Counter

NOTIFICATIONS = Counter("notifications_total", "Messages to customers that ended", ["template", "outcome"])
WEBHOOKS = Counter("webhook_attempts_total", "Calls of merchants' endpoints", ["outcome"])
