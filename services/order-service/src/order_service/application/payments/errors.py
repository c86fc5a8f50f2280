"""Why a request about payments is refused."""

from __future__ import annotations

from order_service.domain.errors import Refusal


class PaymentNotFound(Refusal):
    """There is no such payment, or the caller may not see it."""


class UnknownProvider(Refusal):
    """This installation has no such provider; ``known`` are those it has. ``pointer`` is where it was named."""

    def __init__(self, name: str, known: tuple[str, ...], pointer: str = "/payment/provider") -> None:
        super().__init__(f"no provider {name}; there are: {', '.join(known) or 'none'}")
        self.name = name
        self.known = known
        self.pointer = pointer


class NotReportedByApi(Refusal):
    """The provider of the payment is asked by this service: nobody else reports its results."""


class NobodyToAct(Refusal):
    """An attempt of this ``kind`` asks no bank, so that no customer can be wanted for it."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"nobody authenticates a {kind}")
        self.kind = kind


class HoldIsOver(Refusal):
    """A hold that is reported as made could be captured only until a moment that has passed."""


class NoForm(Refusal):
    """The provider stores no cards for this service: the merchant's own name of an account is an order's token."""


class AttemptEnded(Refusal):
    """The attempt has ended with another outcome, ``state``."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the attempt has ended: {state}")
        self.state = state


class ForgedEvent(Refusal):
    """What claims to be an event of a provider was not signed by it, or too long ago."""


class ProviderDown(Refusal):
    """The provider cannot be reached now."""
