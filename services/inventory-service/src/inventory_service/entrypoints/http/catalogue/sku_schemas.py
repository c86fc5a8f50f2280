"""The bodies and views of SKUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from inventory_service.application.change_sku import ChangeSku
from inventory_service.application.ports import StoredVersion
from inventory_service.application.put_skus import Kept
from inventory_service.domain.catalogue import Mode, SellingPolicy, Sku
from inventory_service.domain.expected_version import ExpectedVersion
from service_kit.http.fields import WHOLE_NUMBER, WHOLE_UNITS, Day, Instant, Name, Title
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.runtime.names import in_one_form

_EXAMPLE: dict[str, JsonValue] = {
    "name": "White hanging heart T-light holder",
    "category": "lights",
    "lead_time_days": 14,
    "selling_policy": {"mode": "backorder", "backorder_cap": 500},
}


class SellingPolicyBody(RequestModel):
    """How the SKU may be sold when nothing is on hand."""

    mode: Mode = Mode.STOCK_ONLY
    backorder_cap: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE_UNITS] | None = Field(
        default=None,
        description="Most units that may be on backorder at once; null: no cap. Used by backorder and preorder",
    )
    release_date: Day | None = Field(
        default=None, validate_default=True, description="Preorders ship from this day (UTC) on; required for preorder"
    )

    @field_validator("release_date")
    @classmethod
    def _released(cls, value: date | None, info: ValidationInfo) -> date | None:
        if value is None and info.data.get("mode") is Mode.PREORDER:
            raise PydanticCustomError("release_date_required", "A preorder needs a release date")
        return value


class SkuBody(RequestModel):
    """The new state of a SKU.

    What decides how it is sold stays as it is if it is left out: ``selling_policy``, ``lead_time_days`` and
    ``category``. A new SKU without them is sold from stock only. Any other field that is left out gets its default.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Title | None = None
    category: Name | None = None
    selling_policy: SellingPolicyBody = Field(default_factory=SellingPolicyBody)
    lead_time_days: Annotated[int, Field(ge=0, le=3650), WHOLE_NUMBER] | None = Field(
        default=None,
        validate_default=True,
        description="Days that a reorder takes; required for backorder and preorder",
    )

    @field_validator("lead_time_days")
    @classmethod
    def _dated(cls, value: int | None, info: ValidationInfo) -> int | None:
        policy = info.data.get("selling_policy")
        if value is None and policy is not None and policy.mode.promises_a_date:
            raise PydanticCustomError("lead_time_required", "Selling before stock is there needs a lead time")
        return value

    @property
    def kept(self) -> frozenset[Kept]:
        """What was left out and stays as it is."""
        fields: dict[str, Kept] = {
            "selling_policy": "policy",
            "lead_time_days": "lead_time_days",
            "category": "category",
        }
        return frozenset(kept for name, kept in fields.items() if name not in self.model_fields_set)

    def as_sku(self, sku: str) -> Sku:
        """The SKU that the body describes."""
        policy = self.selling_policy
        return Sku(
            sku,
            self.name,
            self.category,
            self.lead_time_days,
            SellingPolicy(policy.mode, policy.backorder_cap, policy.release_date),
        )


class OneSkuBody(SkuBody):
    """A SKU named by its path."""

    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class SellingPolicyPatch(RequestModel):
    """New values of the selling policy; what is left out stays as it is, null sets it back to its default."""

    mode: Mode | None = None
    backorder_cap: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE_NUMBER] | None = None
    release_date: Day | None = None


class SkuPatch(RequestModel):
    """New values of a SKU (RFC 7396): what is left out stays as it is, null sets it back to its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"selling_policy": {"backorder_cap": 200}}]})

    name: Title | None = None
    category: Name | None = None
    lead_time_days: Annotated[int, Field(ge=0, le=3650), WHOLE_NUMBER] | None = None
    selling_policy: SellingPolicyPatch | None = None
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")

    def command(self, sku: str, expected: ExpectedVersion | None, changed_at: datetime | None) -> ChangeSku:
        """The command that the body asks for."""
        given = self.model_fields_set
        policy = self.selling_policy
        policy_values = {} if policy is None else {name: getattr(policy, name) for name in policy.model_fields_set}
        if policy_values.get("mode", Mode.STOCK_ONLY) is None:
            policy_values["mode"] = SellingPolicy().mode
        return ChangeSku(
            sku,
            expected,
            values={name: getattr(self, name) for name in ("name", "category", "lead_time_days") if name in given},
            policy_values=policy_values,
            policy_reset="selling_policy" in given and policy is None,
            changed_at=changed_at,
        )


class NamedSkuBody(SkuBody):
    """A SKU in a bulk request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "85123A",
                    "name": "White hanging heart T-light holder",
                    "lead_time_days": 14,
                    "selling_policy": {"mode": "backorder", "backorder_cap": 500},
                }
            ]
        }
    )

    sku: Name


def _each_named_once(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Report repeated SKUs together with every other error, so that one response lists them all."""
    errors: list[InitErrorDetails] = []
    valid = None
    try:
        valid = validate(value)
    except ValidationError as error:
        errors = [
            InitErrorDetails(
                type=PydanticCustomError(found["type"], "{rule}", {**found.get("ctx", {}), "rule": found["msg"]}),
                loc=found["loc"],
                input=None,
            )
            for found in error.errors(include_url=False, include_input=False)
        ]
    seen: Counter[str] = Counter()
    for number, item in enumerate(value if isinstance(value, list) else ()):
        name = item.get("sku") if isinstance(item, dict) else None
        if isinstance(name, str):
            name = in_one_form(name)
            seen[name] += 1
            if seen[name] > 1:
                twice = PydanticCustomError("sku_twice", "The SKU stands in this list already")
                errors.append(InitErrorDetails(type=twice, loc=(number, "sku"), input=None))
    if errors:
        raise ValidationError.from_exception_data("skus", errors)
    return valid


class BulkBody(RequestModel):
    """Many SKUs: either all are stored, or none is and every invalid one is listed."""

    skus: Annotated[list[NamedSkuBody], Field(min_length=1, max_length=10_000), WrapValidator(_each_named_once)]
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class SellingPolicyView(ResponseModel):
    """How the SKU may be sold when nothing is on hand."""

    mode: Mode
    backorder_cap: int | None
    release_date: date | None


class SkuView(ResponseModel):
    """A SKU in its current state."""

    sku: str
    name: str | None
    category: str | None
    lead_time_days: int | None
    selling_policy: SellingPolicyView
    merged_into: str | None = Field(
        default=None, description="What it is called now, if it was renamed or merged into another SKU"
    )
    version: int = Field(description="Counts the changes; also the ETag")

    @classmethod
    def of(cls, sku: Sku, version: int) -> Self:
        """The view of a version of the SKU."""
        policy = sku.policy
        return cls(
            sku=sku.sku,
            name=sku.name,
            category=sku.category,
            lead_time_days=sku.lead_time_days,
            selling_policy=SellingPolicyView(
                mode=policy.mode, backorder_cap=policy.backorder_cap, release_date=policy.release_date
            ),
            merged_into=sku.merged_into,
            version=version,
        )


class MergeBody(RequestModel):
    """What a SKU is to be called: a new name, or that of another SKU which is the same article."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"into": "85123A"}]})

    into: Name


class BulkView(ResponseModel):
    """How many SKUs a bulk request created, changed, and left unchanged."""

    created: int
    changed: int
    unchanged: int

    @classmethod
    def of(cls, stored: Collection[StoredVersion]) -> Self:
        """The result of a bulk request, from what became of each SKU."""
        created = sum(version.created for version in stored)
        changed = sum(version.changed for version in stored) - created
        return cls(created=created, changed=changed, unchanged=len(stored) - created - changed)
