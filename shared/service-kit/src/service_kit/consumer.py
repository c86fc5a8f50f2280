"""The consumer of a service's subscription."""

from __future__ import annotations

from service_kit.subscription import EventHandler, Subscription

__all__ = ["EventHandler", "Subscription"]
