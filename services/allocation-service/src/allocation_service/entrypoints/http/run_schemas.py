"""Bodies and answers of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from allocation_service.application.runs.read_runs import ShownRun
from allocation_service.application.runs.run_records import Run, RunLine
from allocation_service.domain.policies.policy import Sort
from allocation_service.domain.runs.run import Filter, LeftAlone, Segment, Strategy
from allocation_service.domain.runs.run_document import segment_document
from allocation_service.domain.runs.run_exceptions import LineException
from allocation_service.domain.runs.run_progress import Progress
from allocation_service.entrypoints.http.warning_schemas import WarningView
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.run_words import exception_in_words, left_alone_in_words, progress_in_words
from service_kit.http.fields import Day, Instant, Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.problems import FieldError, unprocessable

Few = Annotated[list[Name], Field(max_length=100)]
Many = Annotated[list[Name], Field(max_length=10_000)]
_SHOWN_SKUS = 10
"""As many unknown SKUs of a segment are named in a warning."""


class FilterBody(RequestModel):
    """What demand must be to belong to the segment. What is left out asks for nothing; several values of one
    field are alternatives, several fields must all be met."""

    tiers: Few = Field(default_factory=list)
    channels: Few = Field(default_factory=list)
    regions: Few = Field(default_factory=list)
    customer_ids: Many = Field(default_factory=list)
    skus: Many = Field(default_factory=list)
    order_ids: Many = Field(default_factory=list)
    waiting_before: Instant | None = Field(default=None, description="Queued before this moment")
    needed_before: Day | None = Field(default=None, description="Needed by a day before this one")
    ship_complete: bool | None = Field(default=None, description="Orders that ship complete only, or none of them")

    def filter(self) -> Filter:
        """As the domain has it."""
        values: dict[str, Any] = self.model_dump()
        asked: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return Filter(**asked)


class SegmentBody(RequestModel):
    """Demand that is treated alike."""

    name: Name
    strategy: Strategy = Field(
        description="win: everything on time, else an exception; gain: keep and get more, no later; improve: gain"
        " without exceptions; redistribute: by the sort; fill: keep what is left; lose: give all back; skip: untouched"
    )
    sort: Sort = Field(default=Sort.FIFO, description="Who comes first among the segment's demand")
    filter: FilterBody = Field(default=FilterBody(), description="Demand belongs to the first segment it fits")


class RunBody(RequestModel):
    """What to go over, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Desk lamps: gold first",
                    "segments": [
                        {"name": "Gold", "strategy": "win", "filter": {"skus": ["desk-lamp"], "tiers": ["gold"]}},
                        {"name": "Everyone else", "strategy": "redistribute", "filter": {"skus": ["desk-lamp"]}},
                    ],
                }
            ]
        }
    )

    name: Name
    segments: list[SegmentBody] = Field(min_length=1, max_length=50)

    def domain(self, tiers: Sequence[str]) -> tuple[Segment, ...]:
        """The segments; Problem 422 where two have one name, or one asks for a tier that is none of these."""
        names: set[str] = set()
        errors = []
        for number, one in enumerate(self.segments):
            if one.name in names:
                errors.append(FieldError(f"/segments/{number}/name", "Another segment has this name"))
            names.add(one.name)
            for place, tier in enumerate(one.filter.tiers):
                if tier not in tiers:
                    at = f"/segments/{number}/filter/tiers/{place}"
                    errors.append(FieldError(at, f"There is no such tier; the tiers are {', '.join(tiers)}"))
        if errors:
            raise unprocessable(errors)
        return tuple(Segment(one.name, one.strategy, one.filter.filter(), one.sort) for one in self.segments)


class RunView(ResponseModel):
    """A run: what it is about, how far it has got, and what it does in sum."""

    run_id: str
    name: str
    status: Literal["planning", "previewed", "committed", "refused", "expired", "failed"]
    progress: str = Field(
        description="While it is planned: what is being done; where that failed: why; in the language of the caller"
    )
    progress_code: str | None = Field(
        description="The same as a code, of which there may be new ones; null: nobody has begun to plan it"
    )
    progress_parameters: dict[str, int] = Field(description="What the code says it of: numbers")
    segments: list[dict[str, Any]]
    summary: dict[str, Any] | None = Field(
        description="Lines, units and value (minor units) gained and lost, promises, exceptions; also by segment."
        " `left_free` units are handed out by the policies once the run is committed"
    )
    digest: str | None = Field(description="SHA-256 over the segments and all inputs")
    as_of: datetime | None = Field(description="Business time of the preview")
    created_by: str = Field(description="Id of the key that made it")
    created_at: datetime
    expires_at: datetime | None = Field(description="Until when the preview may be committed")
    closed_by: str | None = Field(description="Id of the key that committed it, or was refused")
    closed_at: datetime | None
    decision_id: str | None = Field(description="The decision that committed it")
    changes: dict[str, Any] | None = Field(description="Why it was refused")


class RunDetail(RunView):
    """A run, and what in it may not do what was meant."""

    warnings: list[WarningView] = Field(description="SKUs it asks for that are not known now")


def run_detail(shown: ShownRun, now: datetime, catalogue: Catalogue) -> RunDetail:
    """A run as it is shown by itself, in a language."""
    warnings = []
    for number, segment in enumerate(shown.run.segments):
        missing = [sku for sku in segment.filter.skus if sku in shown.unknown_skus]
        if missing:
            more = f" and {len(missing) - _SHOWN_SKUS} more" if len(missing) > _SHOWN_SKUS else ""
            words = f"Not known, so that nothing matches them: {', '.join(missing[:_SHOWN_SKUS])}{more}."
            warnings.append(WarningView(pointer=f"/segments/{number}/filter/skus", detail=words))
    return RunDetail(**_fields(shown.run, now, catalogue), warnings=warnings)


def run_view(run: Run, now: datetime, catalogue: Catalogue) -> RunView:
    """A run as it is shown among others at a moment, in a language."""
    return RunView(**_fields(run, now, catalogue))


def _fields(run: Run, now: datetime, catalogue: Catalogue) -> dict[str, Any]:
    fields = run._asdict()
    if run.status == "previewed" and run.expires_at is not None and run.expires_at <= now:
        fields["status"] = "expired"
    coded = run.progress if isinstance(run.progress, Progress) else None
    return fields | {
        "progress": progress_in_words(run.progress, catalogue),
        "progress_code": coded.code if coded else None,
        "progress_parameters": coded.parameters if coded else {},
        "segments": [segment_document(one) for one in run.segments],
    }


class RunLineView(ResponseModel):
    """What a run does to a line. Units that have shipped are not counted."""

    line_id: str
    order_id: str
    reference: str = Field(description="The caller's own name of the order")
    customer_id: str | None = Field(description="Null for a guest")
    tier: str | None = Field(description="As the order says it")
    sku: str
    segment: str
    strategy: Strategy
    requested: int
    confirmed: int = Field(description="Units granted from stock before the run")
    new: int = Field(description="Units granted after it")
    change: int
    value: int = Field(description="Worth of the change in minor units, negative where it loses")
    promise_before: date | None = Field(description="When the rest was promised; null: no date, or nothing waited")
    promise_after: date | None
    exception: str = Field(
        description="What the strategy asks for and the run cannot do, in the language of the caller; a person has to"
        " decide; empty: nothing"
    )
    exception_code: str | None = Field(
        description="The same as a code, of which there may be new ones; null: there is none"
    )
    exception_parameters: dict[str, int | date] = Field(description="What the code says it of: units, and days")
    note: str = Field(description="Why the line is left alone, in the language of the caller; empty: it is not")
    note_code: str | None = Field(
        description="The same as a code, of which there may be new ones; null: it is not left alone"
    )


def line_view(row: RunLine, segments: Sequence[Segment], catalogue: Catalogue) -> RunLineView:
    """A stored line as it is shown in a language."""
    change = row.new - row.confirmed
    exception = row.exception if isinstance(row.exception, LineException) else None
    return RunLineView(
        line_id=row.line_id,
        order_id=row.order_id,
        reference=row.reference,
        customer_id=row.customer_id,
        tier=row.tier,
        sku=row.sku,
        segment=segments[row.segment].name,
        strategy=segments[row.segment].strategy,
        requested=row.requested,
        confirmed=row.confirmed,
        new=row.new,
        change=change,
        value=change * row.unit_value,
        promise_before=row.promise_before,
        promise_after=row.promise_after,
        exception=exception_in_words(row.exception, catalogue),
        exception_code=exception.code if exception else None,
        exception_parameters=dict(exception.parameters) if exception else {},
        note=left_alone_in_words(row.left_alone, catalogue),
        note_code=row.left_alone if isinstance(row.left_alone, LeftAlone) else None,
    )
