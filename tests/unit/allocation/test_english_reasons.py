"""Reasons that were stored as English text: every wording that any version of the service ever stored is read."""

from datetime import date
from typing import Any

import pytest

from allocation_service.domain.decisions.english_reasons import reason_of_english
from allocation_service.domain.reasons import Reason, ReasonCode
from allocation_service.wording.reason_words import published_words

CODE = ReasonCode
BESTS = {"tier": "platinum", "or_better": False, "kept": 3}
BETTERS = {"tier": "silver", "or_better": True, "kept": 12}
WEB = {"field": "channel", "name": "web", "quota": 20}
NORTH = {"field": "region", "name": "far north: (all) used up", "quota": 0}
EVER_STORED: list[tuple[str, ReasonCode, dict[str, Any]]] = [
    ("granted", CODE.GRANTED, {}),
    ("waits: supply ran out", CODE.SUPPLY_RAN_OUT, {}),
    ("partly: supply ran out", CODE.SUPPLY_RAN_OUT, {"partly": True}),
    ("waits: order ships complete", CODE.SHIPS_COMPLETE, {}),
    (
        "waits: order ships complete, passed 0 times: its stock is kept",
        CODE.SHIPS_COMPLETE_STOCK_KEPT,
        {"passed": 0},
    ),
    (
        "waits: order ships complete, passed 12 times: its stock is kept",
        CODE.SHIPS_COMPLETE_STOCK_KEPT,
        {"passed": 12},
    ),
    ("deferred: its order is decided by itself, with all of its SKUs locked", CODE.DECIDED_SEPARATELY, {}),
    ("deferred: stands behind an order that is being decided by itself", CODE.BEHIND_DEFERRED_ORDER, {}),
    ("held back for tier platinum: 3 kept", CODE.HELD_BACK, BESTS),
    ("held back for tier silver or better: 12 kept", CODE.HELD_BACK, BETTERS),
    ("partly: held back for tier platinum: 3 kept", CODE.HELD_BACK, {**BESTS, "partly": True}),
    ("partly: held back for tier silver or better: 12 kept", CODE.HELD_BACK, {**BETTERS, "partly": True}),
    ("waits: quota of 20 for channel web used up", CODE.QUOTA_USED_UP, WEB),
    ("partly: quota of 20 for channel web used up", CODE.QUOTA_USED_UP, {**WEB, "partly": True}),
    ("waits: quota of 0 for region far north: (all) used up used up", CODE.QUOTA_USED_UP, NORTH),
    ("skipped: bypass limit", CODE.KEPT_FOR_PASSED_ORDER, {}),
    ("partly: bypass limit", CODE.KEPT_FOR_PASSED_ORDER, {"partly": True}),
    ("taken back: less stock than granted", CODE.STOCK_SHORTFALL, {}),
    (
        "taken back: less stock than granted, the loss is shared in proportion",
        CODE.STOCK_SHORTFALL_SHARED,
        {"share": "proportional"},
    ),
    (
        "taken back: less stock than granted, the loss is shared by max-min",
        CODE.STOCK_SHORTFALL_SHARED,
        {"share": "max_min"},
    ),
    (
        "taken back: less stock than granted, the loss is shared evenly",
        CODE.STOCK_SHORTFALL_SHARED,
        {"share": "uniform_losses"},
    ),
    (
        "taken back: less stock than granted, the loss is shared in turn",
        CODE.STOCK_SHORTFALL_SHARED,
        {"share": "sequential"},
    ),
    ("released: its order ships complete and no longer is", CODE.NO_LONGER_COMPLETE, {}),
    ("undecided: how the SKU is sold is not known yet", CODE.SELLING_MODE_UNKNOWN, {}),
    ("declined: discontinued", CODE.DISCONTINUED, {}),
    ("declined: sold from stock only, 2 of 3 available", CODE.STOCK_ONLY, {"available": 2, "requested": 3}),
    ("declined: backorder cap of 5 reached", CODE.BACKORDER_CAP_REACHED, {"cap": 5}),
    (
        "declined: expected at no known date, later than acceptable 2026-06-01",
        CODE.NO_PROMISE_DATE,
        {"acceptable": date(2026, 6, 1)},
    ),
    (
        "declined: expected 2026-06-09, later than acceptable 2026-06-01",
        CODE.PROMISED_TOO_LATE,
        {"expected": date(2026, 6, 9), "acceptable": date(2026, 6, 1)},
    ),
    ("declined: ships complete, and another line is declined", CODE.OTHER_LINE_DECLINED, {}),
    (
        "lent until 2026-04-29: 3 to a line that is due before any stock comes",
        CODE.LENT,
        {"units": 3, "due_back": date(2026, 4, 29)},
    ),
    (
        "granted: 3 lent by a line that needs them on 2026-05-01",
        CODE.BORROWED,
        {"units": 3, "needed_on": date(2026, 5, 1)},
    ),
    ("granted: what it lent came back", CODE.LOAN_REPAID, {}),
    ("granted by a run: win", CODE.GRANTED_BY_RUN, {"strategy": "win"}),
    ("taken back by a run: redistribute", CODE.TAKEN_BACK_BY_RUN, {"strategy": "redistribute"}),
    ("unchanged by a run: gain", CODE.UNCHANGED_BY_RUN, {"strategy": "gain"}),
]


@pytest.mark.parametrize(("stored", "code", "parameters"), EVER_STORED)
def test_every_wording_that_was_ever_stored_is_read_and_said_again_in_the_same_words(
    stored: str, code: ReasonCode, parameters: dict[str, Any]
) -> None:
    reason = reason_of_english(stored)
    assert reason == Reason(code, parameters)
    assert published_words(reason) == stored


def test_every_reason_there_is_was_once_stored_in_words() -> None:
    # Reasons that come later are stored as codes only: leave them out here.
    assert {code for _, code, _ in EVER_STORED} == set(ReasonCode) - {CODE.UNRECOGNISED}


def test_no_text_is_no_reason() -> None:
    assert reason_of_english("") is None


@pytest.mark.parametrize("text", ["waits: for the moon", "GRANTED", "partly: order ships complete", "lent until soon"])
def test_what_nobody_ever_stored_is_kept_as_it_is(text: str) -> None:
    reason = reason_of_english(text)
    assert reason == Reason(CODE.UNRECOGNISED, {"text": text})
    assert published_words(reason) == text
