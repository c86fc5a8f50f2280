"""How notifications are delivered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from notification_service.domain.retries import MAIL_DELAYS


@dataclass(frozen=True, slots=True)
class MailRules:
    """How mails are sent and tried again.

    ``batch`` notifications are claimed at once, each for ``lease``, which must be longer than any batch takes: a
    notification whose lease has run out is sent a second time. ``contact_wait`` is how long a notification waits
    for its contact. ``delays`` are those between attempts, varied by ``jitter``, a number in [0, 1).
    """

    batch: int
    lease: timedelta
    contact_wait: timedelta
    delays: Sequence[timedelta] = MAIL_DELAYS
    jitter: Callable[[], float] = random.random
