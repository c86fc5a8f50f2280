"""Allocation's settings: ``ALLOCATION_*`` in the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from allocation_service.domain.demand import demand_forecast
from allocation_service.domain.supply import lateness
from service_kit.runtime.settings import ServiceSettings


class AllocationSettings(ServiceSettings):
    """What every service has, and how allocation decides and how often it looks after itself."""

    model_config = SettingsConfigDict(env_prefix="ALLOCATION_", extra="ignore", env_ignore_empty=True)

    service_name: ClassVar[str] = "allocation"

    tiers: tuple[str, ...] = ("platinum", "gold", "silver", "standard")
    """Customer tiers, best first; unknown ones come last."""
    grace_days: int = Field(default=2, ge=0, le=365)
    """How many days from now an overdue delivery is expected."""
    promise_sweep_seconds: float = Field(default=5.0, gt=0)
    """How often promises whose date has passed are looked for."""
    lateness_seconds: float = Field(default=1.0, gt=0)
    """How often it is looked whether the table of lateness is to be built anew: when a day is over, or a minute."""
    loan_sweep_seconds: float = Field(default=60.0, gt=0)
    """How often loans that were not repaid in time are looked for."""
    policy_review_seconds: float = Field(default=1.0, gt=0)
    """How often queues are looked for about which another policy decides than before."""
    reconcile_seconds: float = Field(default=60.0, gt=0)
    """How often free stock is compared with those who wait for it."""
    deferred_orders_seconds: float = Field(default=0.1, gt=0)
    """How often deferred orders are looked for, besides the wake-up after each batch."""
    metrics_seconds: float = Field(default=15.0, gt=0)
    """How often the gauges of what waits are renewed."""
    run_valid_minutes: int = Field(default=60, ge=1, le=10_080)
    """How long the preview of a run may be committed."""
    run_retention_days: int = Field(default=365, ge=1)
    """Days after which runs are forgotten, with their lines; what they decided stays with the decisions."""
    decision_detail_days: int = Field(default=400, ge=0, le=36_500)
    """How long decisions are kept with their inputs; older ones keep a summary. 0: for ever."""
    demand_retention_days: int = Field(default=demand_forecast.WINDOW_DAYS, ge=demand_forecast.WINDOW_DAYS, le=36_500)
    """Days after which it is forgotten what was ordered of a SKU, by the business time of the newest decision about
    it; holdback looks back 90."""
    delivery_retention_days: int = Field(default=1_460, ge=lateness.WINDOW_DAYS, le=36_500)
    """Days after which it is forgotten how late deliveries were, by business time; lending looks back 1,095. The year
    above that is for SKUs whose time stands behind that of others."""
    retention_seconds: float = Field(default=3600.0, gt=0)
    """How often decisions that have become old, and what policies no longer go by, are looked for."""
