"""A line's reason as events publish it: in English words, and as data."""

from __future__ import annotations

from collections.abc import Callable

from allocation_service.domain.reasons import Reason
from event_contracts.fast_encoding import NO_REASON, PublishedReason

Wording = Callable[[Reason], str]
"""Puts a reason into the English words that readers of the first released version of the events go by."""


def published_reason(reason: Reason | None, wording: Wording) -> PublishedReason:
    """A line's reason; parameters are left out where there are none."""
    if reason is None:
        return NO_REASON
    return PublishedReason(wording(reason), reason.code.value, dict(reason.parameters) or None)
