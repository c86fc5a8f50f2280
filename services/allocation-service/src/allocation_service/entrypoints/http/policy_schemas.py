"""The bodies of policies: what is sent, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from allocation_service.application.policies.policy_advice import warnings
from allocation_service.application.policies.policy_changes import Change
from allocation_service.application.policies.policy_records import Version
from allocation_service.application.policies.policy_templates import tier_terms
from allocation_service.domain.policies.policy import Complete, Policy, Share, Sort
from allocation_service.domain.policies.policy_document import Fault, policy_from, validate, written_document
from allocation_service.entrypoints.http.warning_schemas import WarningView
from service_kit.http.fields import ONE_LINE, PLAIN_TEXT, TIDY, Instant
from service_kit.http.models import RequestModel, ResponseModel

PolicyName = Annotated[str, StringConstraints(min_length=1, max_length=110, pattern=PLAIN_TEXT), TIDY]
NewName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="1 to 64 letters, digits, `.`, `_` and `-`; never changes",
        examples=["black-friday"],
    ),
]
Note = Annotated[str, StringConstraints(max_length=500)]
_Label = Annotated[str, StringConstraints(max_length=100, pattern=ONE_LINE), TIDY]
# Wide bounds, so that whatever is sent can be judged in plain words, all of it at once.
_Number = Annotated[int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000)]
_Percent = Annotated[int, Field(strict=True, ge=0, le=1000)]


class TierBody(RequestModel):
    """A class of customers."""

    name: _Label = Field(examples=["gold"])
    weight: _Number = Field(description="What a day late of theirs counts, 1 to 1000", examples=[4])
    patience_days: _Number = Field(description="Mean days until they cancel", examples=[40])
    due_days: _Number = Field(description="Days after the order when units without a date are due", examples=[3])


class WeightsBody(RequestModel):
    """What the value index counts, each in percent."""

    date: _Percent = Field(default=0, description="Days since the line was queued")
    loyalty: _Percent = Field(default=100, description="The customer's tier")
    urgency: _Percent = Field(default=100, description="Days late by the next receipt")
    value: _Percent = Field(default=0, description="The unit's value, by doublings")


class ValueIndexBody(RequestModel):
    """The cost of making a unit wait for the next receipt."""

    weights: WeightsBody = WeightsBody()
    loss_days: _Number = Field(default=30, description="What a cancelled unit costs, in weighted days late")


class HoldbackBody(RequestModel):
    """Units are kept for better tiers that are expected to order before the next receipt."""

    enabled: bool = True
    horizon_days: _Number | None = Field(
        default=None, description="How far to look where no receipt is confirmed; null for the SKU's lead time"
    )
    max_units: _Number | None = Field(default=None, description="Never keep more; null for no limit")


class QuotaBody(RequestModel):
    """At most so many units of a SKU for a channel or region between two receipts."""

    field: Literal["channel", "region"] = Field(examples=["channel"])
    name: _Label = Field(examples=["marketplace"])
    units: _Number = Field(examples=[100])


class AgeingBody(RequestModel):
    """Waiting makes up for a lower tier."""

    step_days: _Number = Field(description="A line counts as one tier better for each of these", examples=[10])
    max_days: _Number = Field(description="Older lines go to the top and nothing is kept from them", examples=[30])


class LendingBody(RequestModel):
    """Units needed later may serve a line that is due now, if a delivery surely brings them back in time."""

    confidence_percent: _Number = Field(default=99, description="How surely the delivery must come in time, 50 to 99")
    lock_days: _Number = Field(default=2, description="Units are back, and no more are lent, that long before the need")
    min_observations: _Number = Field(default=30, description="Nothing is lent with fewer deliveries to judge by")


class PolicyContent(RequestModel):
    """In which order those who wait are served, how scarce units are shared, and what guards the others."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sort": "value_index", "holdback": {}, "ageing": {"step_days": 10, "max_days": 30}}]
        }
    )

    sort: Sort = Field(default=Sort.FIFO, description="fifo, priority, earliest_due or value_index")
    protect_promises: bool = Field(
        default=True,
        description="Serve first, by their dates, the promises that giving this stock to others would break",
    )
    share: Share = Field(default=Share.SEQUENTIAL, description="How a class is served that the supply does not reach")
    tiers: Annotated[list[TierBody], Field(max_length=20)] | None = Field(
        default=None, description="Best first; null for the service's own"
    )
    value_index: ValueIndexBody = ValueIndexBody()
    holdback: HoldbackBody | None = None
    quotas: list[QuotaBody] = Field(default_factory=list, max_length=200)
    ageing: AgeingBody | None = None
    bypass_limit: _Number | None = Field(
        default=None, description="How often an order that ships complete may be passed; null for no limit"
    )
    complete: Complete = Field(default=Complete.GREEDY, description="How orders that ship complete are chosen")
    lending: LendingBody | None = Field(default=None, description="Null: nothing is lent")

    def policy(self, name: str, tier_names: Sequence[str]) -> Policy:
        """What it says, with the service's tiers where it names none."""
        fields = self.model_dump()
        if fields["tiers"] is None:
            fields["tiers"] = [tier._asdict() for tier in tier_terms(tier_names)]
        return policy_from({**fields, "name": name})

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """What a policy says."""
        return cls.model_validate(written_document(policy))


class DraftBody(RequestModel):
    """A draft; it replaces the one there is as a whole."""

    policy: PolicyContent
    note: Note = Field(default="", description="What it is for, or what was changed and why")


def _form(body: Any) -> str | None:
    """Which form a document to validate was sent in: a draft's, or the policy alone."""
    if isinstance(body, dict):
        return "DraftBody" if "policy" in body else "PolicyContent"
    return type(body).__name__ if isinstance(body, DraftBody | PolicyContent) else None


ValidateBody = Annotated[
    Annotated[DraftBody, Tag("DraftBody")] | Annotated[PolicyContent, Tag("PolicyContent")],
    Discriminator(_form, custom_error_type="dict_type"),
]
"""A document to validate, as it is drafted or alone."""


class CreateBody(DraftBody):
    """A new policy, as a draft."""

    name: NewName


class ActivateBody(RequestModel):
    """From when until when it is in force; without either, at once and until another is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"valid_from": "2030-11-25T00:00:00Z", "valid_until": "2030-12-02T00:00:00Z"}]}
    )

    version: int | None = Field(
        default=None, ge=1, le=2**31 - 2, description="The draft that is meant; repeating the request is then harmless"
    )
    valid_from: Instant | None = Field(default=None, description="Business time; null for at once")
    valid_until: Instant | None = Field(
        default=None, description="Business time; the version before decides again from then on. null for no end"
    )
    note: Note | None = Field(default=None, description="Replaces the draft's")


class RetireBody(RequestModel):
    """Which version to take out of force."""

    version: int = Field(ge=1, le=2**31 - 2, examples=[3])


class FaultView(ResponseModel):
    """Something about a place of the policy, in plain words."""

    pointer: str = Field(description="JSON Pointer into the policy itself; empty for all of it")
    detail: str

    @classmethod
    def all_of(cls, faults: Sequence[Fault]) -> list[Self]:
        """In the order of the document."""
        return [cls(pointer=fault.pointer, detail=fault.detail) for fault in faults]


class VerdictView(ResponseModel):
    """Whether a policy can be activated, and what else to know about it."""

    valid: bool
    faults: list[FaultView] = Field(description="What keeps it from being activated")
    warnings: list[FaultView] = Field(description="What may not do what was intended; keeps nothing from anything")

    @classmethod
    def of(cls, policy: Policy, tier_names: Sequence[str]) -> Self:
        """All faults and warnings at once."""
        faults = FaultView.all_of(validate(policy))
        return cls(valid=not faults, faults=faults, warnings=FaultView.all_of(warnings(policy, tier_names)))


class ChangeView(ResponseModel):
    """A place that differs from the version before."""

    pointer: str
    before: Any = Field(description="null where there was nothing")
    after: Any = Field(description="null where there is nothing any more")


class VersionView(ResponseModel):
    """A version of a policy."""

    version: int
    status: Literal["draft", "active", "retired"] = Field(description="retired also where its window is over")
    policy: PolicyContent
    note: str
    created_at: datetime = Field(description="Of a draft, its last change")
    created_by: str = Field(description="The API key that it was written with")
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None
    retired_by: str | None
    valid_from: datetime | None
    valid_until: datetime | None

    @classmethod
    def of(cls, found: Version, now: datetime) -> Self:
        """A stored version as it stands now."""
        return cls(**cls._fields(found, now))

    @staticmethod
    def _fields(found: Version, now: datetime) -> dict[str, Any]:
        over = found.status == "active" and found.ended(now)
        fields = {name: value for name, value in found._asdict().items() if name not in ("name", "document")}
        fields["policy"] = PolicyContent.of(found.policy)
        if over:
            fields |= {"status": "retired", "retired_at": found.valid_until}
        return fields


class HistoryEntry(VersionView):
    """A version and what it changed."""

    changes: list[ChangeView] = Field(description="Against the version before; empty for the first")

    @classmethod
    def with_changes(cls, found: Version, now: datetime, made: Sequence[Change]) -> Self:
        """A stored version with its differences."""
        views = [ChangeView(pointer=one.pointer, before=one.before, after=one.after) for one in made]
        return cls(**cls._fields(found, now), changes=views)


class PolicyDetail(ResponseModel):
    """A policy: what is in force, what else is active, and the draft."""

    name: str
    revision: int = Field(description="Raised by every change; the ETag")
    in_force: int | None = Field(description="The version that decides now; null where none does")
    active: list[VersionView] = Field(description="Newest first")
    draft: VersionView | None
    assignments: int = Field(description="SKUs, categories and the default that follow it")


class ActivatedView(PolicyDetail):
    """A policy of which a version was put in force, or taken out of it."""

    warnings: list[WarningView] = Field(
        description="Seasons that overlap with it, and which version decides then; what may not do what was intended;"
        " whether anything is left in force"
    )


class PolicySummary(ResponseModel):
    """A policy in a list."""

    name: str
    revision: int
    in_force: int | None
    sort: Sort | None = Field(description="Of the version in force")
    draft: int | None = Field(description="The version of the draft")
    assignments: int


class TemplateView(ResponseModel):
    """A policy to copy from."""

    name: str
    summary: str
    policy: PolicyContent


class TemplateList(ResponseModel):
    """All templates."""

    data: list[TemplateView]


class AssignBody(RequestModel):
    """Which policy decides."""

    policy: PolicyName = Field(examples=["black-friday"])


class AssignmentView(ResponseModel):
    """Who follows which policy."""

    scope: Literal["default", "category", "sku"]
    target: str = Field(description="The SKU or category; empty for the default")
    policy: str
    version: int = Field(description="Of the assignment; the ETag")
    assigned_at: datetime
    assigned_by: str


class AssignedView(AssignmentView):
    """An assignment that was made."""

    warnings: list[WarningView] = Field(description="Where it decides about nothing that is known now")
