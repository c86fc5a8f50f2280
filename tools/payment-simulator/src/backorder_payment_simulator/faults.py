"""Faults of the network and of the provider, on request."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from backorder_payment_simulator.wire import ApiError


class Fault(StrEnum):
    """What becomes of a request: it never arrives, its response is lost, or it is refused for now."""

    LOST_REQUEST = "lost_request"
    LOST_RESPONSE = "lost_response"
    TOO_MANY_REQUESTS = "too_many_requests"
    KEY_IN_USE = "key_in_use"
    NONE = "none"


class Faults:
    """The faults of the next requests that change something, in their order."""

    def __init__(self) -> None:
        self._next: deque[Fault] = deque()

    def plan(self, faults: list[Fault]) -> None:
        """Have these happen, one to each request."""
        self._next.extend(faults)

    def take(self) -> Fault:
        """The fault of this request."""
        return self._next.popleft() if self._next else Fault.NONE


class Lost(Exception):
    """The connection broke: no response reaches the caller."""


def before(fault: Fault) -> None:
    """What a fault does before the request is carried out. Raises Lost or ApiError."""
    if fault is Fault.LOST_REQUEST:
        raise Lost
    if fault is Fault.TOO_MANY_REQUESTS:
        raise ApiError(429, "invalid_request_error", "Too many requests.", code="rate_limit", stored=False)
    if fault is Fault.KEY_IN_USE:
        message = "There is currently another in-progress request using this Idempotent Key."
        raise ApiError(409, "idempotency_error", message, code="idempotency_key_in_use", stored=False)
