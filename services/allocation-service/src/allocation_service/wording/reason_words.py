"""A reason in words: in a few as events have it, or as what became of a line in a sentence."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from allocation_service.domain.policies.policy import BetterTiers
from allocation_service.domain.reasons import GRANTED, Reason, ReasonCode
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.en import EN


def words_of(reason: Reason | None, catalogue: Catalogue) -> str:
    """A reason in a few words; empty where nothing was decided."""
    if reason is None:
        return ""
    partial = catalogue.partial.get(reason.code) if reason.is_partial else None
    template = partial or catalogue.reasons[reason.code]
    return catalogue.filled(template, _parameters(reason, catalogue)) if reason.parameters else template


@lru_cache(maxsize=1_000)
def published_words(reason: Reason) -> str:
    """A reason as events have it beside its code: in English, for readers of the first released version. Thousands
    of lines are told the same one."""
    return words_of(reason, EN)


def cause_of(reason: Reason | None, today: date, catalogue: Catalogue) -> str:
    """What stood behind a decision, without who got how much; empty where nothing was decided."""
    if reason is None:
        return ""
    return catalogue.filled(catalogue.causes[reason.code], _parameters(reason, catalogue), today)


def outcome_of(reason: Reason | None, wanted: int, given: int, today: date, catalogue: Catalogue) -> str:
    """One decision about a line as a sentence; ``given`` is negative where units were taken back."""
    asked = catalogue.counted(wanted)
    if reason is None or reason == GRANTED:
        name = "nothing decided" if reason is None else "the unit" if wanted == 1 else "all units"
        return catalogue.outcomes[name].format(wanted=asked)
    cause = cause_of(reason, today, catalogue)
    if given < 0:
        name = "lent" if reason.code is ReasonCode.LENT else "gave back"
        return catalogue.outcomes[name].format(given=catalogue.counted(-given), cause=cause)
    if reason.declines:
        name = "declined"
    elif reason.code is ReasonCode.UNCHANGED_BY_RUN:
        name = "unchanged"
    else:
        name = "some" if given else "none" if wanted > 1 else "nothing"
    return catalogue.outcomes[name].format(given=catalogue.number(given), wanted=asked, cause=cause)


def tiers_in_words(tiers: BetterTiers, catalogue: Catalogue) -> str:
    """A tier, and that better ones are meant too."""
    return catalogue.terms["or_better"].format(tier=tiers.tier) if tiers.or_better else tiers.tier


def _parameters(reason: Reason, catalogue: Catalogue) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(reason.parameters)
    if "or_better" in parameters:
        tiers = BetterTiers(parameters["tier"], or_better=parameters["or_better"])
        parameters["whom"] = tiers_in_words(tiers, catalogue)
    return parameters
