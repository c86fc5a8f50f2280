"""How well dates are kept, and what the next ones are named by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from allocation_service.application.promising.ports import KeptCount
from allocation_service.application.promising.read_calibration import Calibration, read_calibration
from allocation_service.domain.lateness.basis import Basis
from allocation_service.domain.lateness.quantile_table import LEVELS, Quantiles
from allocation_service.domain.lateness.situations import LEAD_TIME, SITUATIONS
from allocation_service.entrypoints.http.dependencies import BusinessNow, DecisionReader, UnitsOfWork
from service_kit.commands.execute import read
from service_kit.http.models import ResponseModel

router = APIRouter(tags=["Promises"])


class KeptView(ResponseModel):
    """First dates that came due, and how many were kept."""

    due: int
    kept: int
    share: float | None = Field(description="Null before the first one is due")


class TargetKept(KeptView):
    """By what the date rested on, and by the target."""

    basis: Basis
    target_percent: int
    alpha: float = Field(description="The share of misses that quantiles are asked for, adapted to what was missed")


class ConfidenceKept(KeptView):
    """By the confidence that was stated with the date."""

    basis: Basis
    confidence_percent: int


class SituationView(ResponseModel):
    """Which delay is counted on. Of a supplier in days; of all in units of (days to go or overdue, and 3)."""

    situation: str = Field(description="`due 3-7`: so many days to go; `overdue 5`: so many past; `lead time`")
    observations: int
    median: float
    safe: dict[int, float] = Field(description="By target, per cent")


class SourceView(KeptView):
    """A supplier, or all of them."""

    source: str = Field(description="The supplier; empty: all of them")
    delivered_share: dict[int, float] = Field(description="Of what is ordered, surely; by target, per cent")
    situations: list[SituationView]


class CalibrationView(ResponseModel):
    """How well dates are kept."""

    default_target_percent: int | None
    table_version: int
    built_for: date | None
    built_at: datetime | None
    due: int
    kept: int
    share: float | None
    rolling_share: float | None = Field(description="Of the newest 200 that came due")
    slack_days: float | None = Field(description="Mean of date less day served, of those kept")
    open: int = Field(description="First dates that are still to come")
    withdrawn: int = Field(description="Cancelled or declined before their day")
    by_target: list[TargetKept]
    by_confidence: list[ConfidenceKept]
    sources: list[SourceView]


@router.get("/v1/calibration", name="get_calibration", summary="How well dates are kept")
async def get_calibration(
    principal: DecisionReader,
    units: UnitsOfWork,
    now: BusinessNow,
    days: Annotated[int, Query(ge=1, le=1_095, description="First dates that came due in so many days")] = 90,
) -> CalibrationView:
    """Every line's first date is judged once its day is over. What was kept is what the next dates are named by."""
    return _view(await read(units, read_calibration, now, days))


def _view(found: Calibration) -> CalibrationView:
    state, kept = found.state, found.kept
    return CalibrationView(
        default_target_percent=state.default_target,
        table_version=state.version,
        built_for=state.built_for,
        built_at=state.built_at,
        **_counted(kept.by_target),
        rolling_share=kept.rolling,
        slack_days=kept.slack_days,
        open=kept.open,
        withdrawn=kept.withdrawn,
        by_target=[
            TargetKept(
                basis=Basis(one.basis),
                target_percent=one.target,
                alpha=found.levels.alpha(Basis(one.basis), "", one.target),
                **_counted([one]),
            )
            for one in kept.by_target
        ],
        by_confidence=[
            ConfidenceKept(basis=Basis(one.basis), confidence_percent=int(one.name), **_counted([one]))
            for one in kept.by_confidence
        ],
        sources=[_source(found, source) for source in ("", *found.suppliers)],
    )


def _source(found: Calibration, source: str) -> SourceView:
    table = found.table
    situations = {
        situation: quantiles
        for situation in (*SITUATIONS, LEAD_TIME)
        if (quantiles := table.own.get((source, situation)) if source else table.pool.get(situation)) is not None
    }
    counts = [one for one in found.kept.by_source if not source or one.name == source]
    return SourceView(
        source=source,
        delivered_share=dict(table.yields.get(source, {})),
        situations=[_situation(situation.name, quantiles) for situation, quantiles in situations.items()],
        **_counted(counts),
    )


def _situation(name: str, quantiles: Quantiles) -> SituationView:
    median = quantiles.plain[LEVELS.index(0.5)]
    return SituationView(situation=name, observations=quantiles.observations, median=median, safe=dict(quantiles.safe))


def _counted(counts: Sequence[KeptCount]) -> dict[str, Any]:
    due, kept = sum(one.due for one in counts), sum(one.kept for one in counts)
    return {"due": due, "kept": kept, "share": kept / due if due else None}
