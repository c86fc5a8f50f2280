"""How webhooks are delivered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from notification_service.domain.retries import WEBHOOK_DELAYS


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """How endpoints are called and tried again.

    Up to ``per_endpoint`` calls of one endpoint are made side by side, claimed for ``lease``, which must be longer
    than they take. ``delays`` are those between attempts, varied by ``jitter``, a number in [0, 1). An endpoint that
    has failed for ``disable_after`` without one success is switched off.
    """

    per_endpoint: int
    lease: timedelta
    disable_after: timedelta
    delays: Sequence[timedelta] = WEBHOOK_DELAYS
    jitter: Callable[[], float] = random.random
