"""Decisions: what was known, who was considered in which order, who got what and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from allocation_service.application.decisions.decision_records import RecordedLine
from allocation_service.application.decisions.read_decisions import list_decisions, read_decision
from allocation_service.domain.decisions.decision_view import policies_used, shown_line
from allocation_service.domain.decisions.recorded_fill import StoredLine
from allocation_service.domain.decisions.recorded_reason import recorded_reason
from allocation_service.entrypoints.http.dependencies import DecisionReader, UnitsOfWork
from allocation_service.entrypoints.http.language import Language
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.reason_words import outcome_of, words_of
from service_kit.commands.execute import read
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, bad_request

router = APIRouter(tags=["Decisions"])


class DecisionSummary(ResponseModel):
    """One decision."""

    decision_id: str
    cause: str = Field(description="Id of the event that brought it about")
    cause_type: str
    decided_at: datetime = Field(description="Business time")
    digest: str = Field(
        description="SHA-256 over inputs and results; `v2:` and 64 hexadecimal digits. One without the prefix is of an"
        " older release, and cannot be verified."
    )
    recorded_at: datetime
    summarised: bool = Field(description="It is old: its inputs and most of its lines have made way for a summary")


class PolicyInDecision(ResponseModel):
    """A policy that a step of a decision went by, as it was then."""

    step: int
    name: str
    version: int
    document: dict[str, Any] = Field(description="All of it, defaults too; of a step `place`, name and version only")


class DecisionLine(ResponseModel):
    """A demand that was considered; ``granted`` is negative where units were taken back."""

    step: int
    rank: int
    line_id: str
    sku: str
    quantity: int
    granted: int
    reason: str
    words: str = Field(description="The reason as a sentence")
    key: list[Any] | None = Field(description="What it was ranked by, smaller first; null for what is not ranked")
    grants: list[Any] | None = Field(description="Pairs of location and units; null where nothing was handed out")
    facts: dict[str, Any] = Field(description="What was known of the demand, its key values and grants")


class DecisionView(DecisionSummary):
    """A decision with its inputs and a page of its lines; it can be computed again from these, until it is
    summarised."""

    steps: list[dict[str, Any]] = Field(description="Inputs of each step; empty once it is summarised")
    policies: list[PolicyInDecision]
    summary: dict[str, Any] | None = Field(description="What is left of an old decision; null while all is there")
    lines: list[DecisionLine]
    next_cursor: str | None


def _line(steps: list[dict[str, Any]], row: RecordedLine, now: datetime, catalogue: Catalogue) -> DecisionLine:
    stored = StoredLine(row.line_id, row.sku, row.quantity, dict(row.facts))
    facts = shown_line(steps[row.step] if steps else None, stored, now)
    return DecisionLine(
        step=row.step,
        rank=row.rank,
        line_id=row.line_id,
        sku=row.sku,
        quantity=row.quantity,
        granted=row.granted,
        reason=words_of(row.reason, catalogue),
        words=outcome_of(row.reason, row.quantity, row.granted, now.date(), catalogue),
        key=facts.get("key"),
        grants=facts.get("grants"),
        facts=facts,
    )


def _summary(stored: dict[str, Any] | None, catalogue: Catalogue) -> dict[str, Any] | None:
    """What is left of an old decision, with the number of lines by reason in words.

    Summaries that were made before there were codes have the text of a reason in place of its data.
    """
    reasons = (stored or {}).get("reasons")
    if stored is None or reasons is None:
        return stored
    if isinstance(reasons, dict):
        reasons = [{"text": text, "lines": lines} for text, lines in reasons.items()]
    counts: dict[str, int] = {}
    for one in reasons:
        words = words_of(recorded_reason(one.get("text", ""), one.get("code"), one.get("parameters")), catalogue)
        counts[words] = counts.get(words, 0) + one["lines"]
    return {**stored, "reasons": {words: counts[words] for words in sorted(counts, key=lambda one: (len(one), one))}}


def _policies(steps: list[dict[str, Any]]) -> list[PolicyInDecision]:
    return [
        PolicyInDecision(step=step, name=document["name"], version=document["version"], document=document)
        for step, document in policies_used(steps)
    ]


@router.get("/v1/decisions", name="list_decisions", summary="Decisions about a SKU or a line, newest first")
async def get_decisions(
    *,
    principal: DecisionReader,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    sku: Annotated[Name | None, Query(description="Decisions about this SKU")] = None,
    line_id: Annotated[Name | None, Query(description="Decisions about this order line")] = None,
) -> Page[DecisionSummary]:
    if (sku is None) == (line_id is None):
        words = "Give either sku or line_id."
        raise bad_request("sku_or_line_id", words, errors=[FieldError("", words, parameter="sku")])
    after = page.after(str)
    found = await read(units, list_decisions, sku, line_id, after[0] if after else None, page.limit + 1)
    shown = found[: page.limit]
    cursor = encode_cursor(shown[-1].decision_id) if len(found) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[DecisionSummary.model_validate(one._asdict()) for one in shown], next_cursor=cursor)


@router.get("/v1/decisions/{decision_id}", name="get_decision", summary="One decision, with inputs and reasons")
async def get_decision(
    *,
    principal: DecisionReader,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    language: Language,
    decision_id: Annotated[Name, Path()],
) -> DecisionView:
    after = page.after(int, int)
    place = (after[0], after[1]) if after else None
    found, lines = await read(units, read_decision, decision_id, place, page.limit + 1)
    shown = lines[: page.limit]
    cursor = encode_cursor(shown[-1].step, shown[-1].rank) if len(lines) > page.limit else None
    link_header(response, request, cursor)
    return DecisionView(
        **found.head._asdict(),
        steps=found.steps,
        policies=_policies(found.steps),
        summary=_summary(found.summary, language),
        lines=[_line(found.steps, one, found.head.decided_at, language) for one in shown],
        next_cursor=cursor,
    )
