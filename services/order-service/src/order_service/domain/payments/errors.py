"""Why something about a payment is refused."""

from __future__ import annotations

from order_service.domain.errors import Refusal


class UnknownAttempt(Refusal):
    """The payment has no such attempt."""

    def __init__(self, attempt_id: str) -> None:
        super().__init__(f"the payment has no attempt {attempt_id}")
        self.attempt_id = attempt_id


class ConcessionTooLarge(Refusal):
    """More is to be given back than is left: ``most``, in minor units."""

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most} can be given back")
        self.most = most
