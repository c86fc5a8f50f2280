"""The unit of work: one transaction of a service as its use cases see it, free of any technology."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from event_contracts import Event


class UnitOfWork(Protocol):
    """One transaction. Each service adds its typed stores, such as ``orders``.

    Whoever opened the unit of work commits it: the command batcher, the consumer, or ``execute``. A use
    case never commits, so that it can be called by any of them.
    """

    @property
    def now(self) -> datetime:
        """The moment of this unit of work by the wall clock, in UTC; the same all through it."""
        ...

    async def publish(self, events: Sequence[Event]) -> None:
        """Send ``events``, in this order, once the transaction commits.

        The caller has locked the rows that the events are about. Raises PayloadTooLarge above 512 KiB.
        """
        ...

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the transaction has committed, and never if it is rolled back."""
        ...

    async def commit(self) -> None:
        """Make everything done here last. Raises RuntimeError where somebody else commits."""
        ...


U = TypeVar("U", bound=UnitOfWork)
U_co = TypeVar("U_co", bound=UnitOfWork, covariant=True)


class UnitOfWorkFactory(Protocol[U_co]):
    """Opens units of work of one service."""

    def begin(self) -> AbstractAsyncContextManager[U_co]:
        """A unit of work that is rolled back unless it is committed before the block ends."""
        ...

    def reading(self) -> AbstractAsyncContextManager[U_co]:
        """A read-only view of one moment; all that is read in the block belongs together."""
        ...
