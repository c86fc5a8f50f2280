"""How decisions are made, and who hears of what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.published_reason import Wording
from service_kit.persistence.unit_of_work import UnitOfWork


class DecisionEffects(Protocol):
    """What is done in this process once decisions are committed."""

    def deferred_orders_left(self) -> None:
        """Orders were left to be decided by themselves: look for them now."""
        ...

    def loans_noted(self, loans: Mapping[str, int]) -> None:
        """So many loans were lent, repaid, breached or void."""
        ...


class NoEffects:
    """Nobody in this process waits for what was decided."""

    def deferred_orders_left(self) -> None:
        """Nothing."""

    def loans_noted(self, loans: Mapping[str, int]) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Options:
    """Settings of deciding.

    ``wording``: the words of published reasons. ``tiers``: customer tiers, best first. ``grace_days``: days from now
    on which an overdue delivery is expected.
    """

    wording: Wording
    tiers: tuple[str, ...] = ("platinum", "gold", "silver", "standard")
    grace_days: int = 2
    effects: DecisionEffects = field(default_factory=NoEffects)


def note_effects(uow: UnitOfWork, session: AllocationSession, options: Options) -> None:
    """Have what the session brought about noted once it is committed."""
    loans, effects = dict(session.effects.loans_by_outcome), options.effects
    if loans:
        uow.after_commit(lambda: effects.loans_noted(loans))
    if session.effects.orders_were_deferred:
        uow.after_commit(effects.deferred_orders_left)
