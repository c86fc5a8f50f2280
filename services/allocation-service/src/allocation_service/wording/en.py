"""English."""

from __future__ import annotations

from allocation_service.domain.decisions.position_facts import Meaning
from allocation_service.domain.reasons import ReasonCode
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode
from allocation_service.domain.runs.run_progress import ProgressCode
from allocation_service.wording.catalogue import Catalogue, Noun

EN = Catalogue(
    language="en",
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    day="{day} {month}",
    day_and_year="{day} {month} {year}",
    thousands=",",
    nouns={
        "unit": Noun("unit", "units"),
        "line": Noun("line", "lines"),
        "demand": Noun("demand", "demands"),
        "more line": Noun("more line", "more lines"),
        "other line": Noun("other line", "other lines"),
    },
    terms={
        "share:proportional": "in proportion",
        "share:max_min": "by max-min",
        "share:uniform_losses": "evenly",
        "share:sequential": "in turn",
        "or_better": "{tier} or better",
    },
    reasons={
        ReasonCode.GRANTED: "granted",
        ReasonCode.SUPPLY_RAN_OUT: "waits: supply ran out",
        ReasonCode.HELD_BACK: "held back for tier {whom}: {kept} kept",
        ReasonCode.QUOTA_USED_UP: "waits: quota of {quota} for {field} {name} used up",
        ReasonCode.KEPT_FOR_PASSED_ORDER: "skipped: bypass limit",
        ReasonCode.SHIPS_COMPLETE: "waits: order ships complete",
        ReasonCode.SHIPS_COMPLETE_STOCK_KEPT: "waits: order ships complete, passed {passed} times: its stock is kept",
        ReasonCode.DECIDED_SEPARATELY: "deferred: its order is decided by itself, with all of its SKUs locked",
        ReasonCode.BEHIND_DEFERRED_ORDER: "deferred: stands behind an order that is being decided by itself",
        ReasonCode.STOCK_SHORTFALL: "taken back: less stock than granted",
        ReasonCode.STOCK_SHORTFALL_SHARED: "taken back: less stock than granted, the loss is shared {share}",
        ReasonCode.NO_LONGER_COMPLETE: "released: its order ships complete and no longer is",
        ReasonCode.SELLING_MODE_UNKNOWN: "undecided: how the SKU is sold is not known yet",
        ReasonCode.DISCONTINUED: "declined: discontinued",
        ReasonCode.STOCK_ONLY: "declined: sold from stock only, {available} of {requested} available",
        ReasonCode.BACKORDER_CAP_REACHED: "declined: backorder cap of {cap} reached",
        ReasonCode.NO_PROMISE_DATE: "declined: expected at no known date, later than acceptable {acceptable}",
        ReasonCode.PROMISED_TOO_LATE: "declined: expected {expected}, later than acceptable {acceptable}",
        ReasonCode.OTHER_LINE_DECLINED: "declined: ships complete, and another line is declined",
        ReasonCode.LENT: "lent until {due_back}: {units} to a line that is due before any stock comes",
        ReasonCode.BORROWED: "granted: {units} lent by a line that needs them on {needed_on}",
        ReasonCode.LOAN_REPAID: "granted: what it lent came back",
        ReasonCode.GRANTED_BY_RUN: "granted by a run: {strategy}",
        ReasonCode.TAKEN_BACK_BY_RUN: "taken back by a run: {strategy}",
        ReasonCode.UNCHANGED_BY_RUN: "unchanged by a run: {strategy}",
        ReasonCode.UNRECOGNISED: "{text}",
    },
    partial={
        ReasonCode.SUPPLY_RAN_OUT: "partly: supply ran out",
        ReasonCode.HELD_BACK: "partly: held back for tier {whom}: {kept} kept",
        ReasonCode.QUOTA_USED_UP: "partly: quota of {quota} for {field} {name} used up",
        ReasonCode.KEPT_FOR_PASSED_ORDER: "partly: bypass limit",
    },
    causes={
        ReasonCode.GRANTED: "granted",
        ReasonCode.SUPPLY_RAN_OUT: "the free stock did not reach further",
        ReasonCode.HELD_BACK: "{kept} kept for customers of tier {whom} expected to order before the next receipt",
        ReasonCode.QUOTA_USED_UP: "{field} {name} has had its quota of {quota} since the last receipt",
        ReasonCode.KEPT_FOR_PASSED_ORDER: (
            "the stock is kept for an order that others have passed as often as the policy allows"
        ),
        ReasonCode.SHIPS_COMPLETE: "the order ships complete and cannot be filled whole yet",
        ReasonCode.SHIPS_COMPLETE_STOCK_KEPT: (
            "the order ships complete and cannot be filled whole yet;"
            " it was passed {passed} times, and now its stock is kept"
        ),
        ReasonCode.DECIDED_SEPARATELY: "its order was left to be decided by itself, all of its articles together",
        ReasonCode.BEHIND_DEFERRED_ORDER: "an order before it was still to be decided by itself",
        ReasonCode.STOCK_SHORTFALL: (
            "there was less stock than had been allocated, and those last in the queue give back first"
        ),
        ReasonCode.STOCK_SHORTFALL_SHARED: (
            "there was less stock than had been allocated, and its class shares the loss {share}"
        ),
        ReasonCode.NO_LONGER_COMPLETE: "its order ships complete and no longer could",
        ReasonCode.SELLING_MODE_UNKNOWN: "how this article is sold has not been announced yet",
        ReasonCode.DISCONTINUED: "the article is discontinued",
        ReasonCode.STOCK_ONLY: (
            "the article is sold from stock only, and {available} of {requested} units were there"
        ),
        ReasonCode.BACKORDER_CAP_REACHED: (
            "no more than {cap} units of this article may wait, and with these more would"
        ),
        ReasonCode.NO_PROMISE_DATE: "no date can be named for it, and {acceptable} was the last acceptable one",
        ReasonCode.PROMISED_TOO_LATE: "it is expected on {expected}, and {acceptable} was the last acceptable date",
        ReasonCode.OTHER_LINE_DECLINED: "its order ships complete, and another line of it was declined",
        ReasonCode.LENT: "they are due back on {due_back}; the line that has them is due before any stock comes",
        ReasonCode.BORROWED: "lent by a line that needs them on {needed_on}",
        ReasonCode.LOAN_REPAID: "what it had lent came back",
        ReasonCode.GRANTED_BY_RUN: "by a run, under the strategy {strategy}",
        ReasonCode.TAKEN_BACK_BY_RUN: "by a run, under the strategy {strategy}",
        ReasonCode.UNCHANGED_BY_RUN: "by a run, under the strategy {strategy}",
        ReasonCode.UNRECOGNISED: "{text}",
    },
    outcomes={
        "nothing decided": "Nothing has been decided about it yet.",
        "the unit": "It got the unit it asked for.",
        "all units": "It got all {wanted} it asked for.",
        "lent": "It lent {given}: {cause}.",
        "gave back": "It gave back {given}: {cause}.",
        "declined": "It was declined: {cause}.",
        "unchanged": "It keeps what it had: {cause}.",
        "some": "It got {given} of {wanted}: {cause}.",
        "none": "It got none of {wanted}: {cause}.",
        "nothing": "It got nothing: {cause}.",
    },
    summary={
        "list": "{rest} and {last}",
        "some of": "{units} of {all}",
        "the only one": "the unit",
        "all of them": "all {all}",
        "shipped": "{units} shipped",
        "allocated": "{units} allocated",
        "undecided": "{units} not decided yet: {cause}",
        "just ordered": "just ordered",
        "waits": "waits: {clauses}",
        "some wait, one": "{units} waits: {clauses}",
        "some wait": "{units} wait: {clauses}",
        "declined": "{units} declined",
        "declined because": "{units} declined: {cause}",
        "cancelled": "{units} cancelled",
        "kept": "{units} kept for {whom}",
        "kept until": "{units} kept for {whom} until {until}",
        "ships complete": "the order ships complete",
        "ships complete with": "the order ships complete and waits for {missing} too",
        "ships complete with others": "the order ships complete and {lines} of it must come too",
        "missing": "{units} of {sku}",
        "in line": "in line",
        "behind": "behind {lines} ({units})",
        "next": "next in line",
        "for a source": "{place} for {source}",
        "without a receipt": "{place}; {why}",
        "stock": "the stock there is",
        "receipt": "the receipt of {day}",
        "part of a receipt": "the receipt of {day} ({units})",
        "not announced": "one that is not announced yet ({units})",
        "no date": "no receipt is announced that reaches it, and no date can be named",
        "date passed": "no receipt is announced that reaches it, and {day}, for which it was promised, has passed",
        "by lead time": "no receipt is announced that reaches it; by its lead time it is due on {day}",
        "delivery": "{units} from purchase-order line {po_line} of {supplier}, expected on {day}",
        "late delivery": (
            "{units} from purchase-order line {po_line} of {supplier}, expected on {day},"
            " announced for {announced} and overdue"
        ),
    },
    left_alone={
        LeftAlone.PINNED: "pinned: a person fixed it",
        LeftAlone.UNDECIDED: "not decided about yet",
        LeftAlone.ORDER_DEFERRED: "its order is being decided by itself",
        LeftAlone.IN_LOAN: "it has lent or borrowed units that are to be repaid",
        LeftAlone.LOCATION_INACTIVE: "its stock lies at a location that is not active any more",
        LeftAlone.ORDER_APART: "its order ships complete and is not in one segment with all that is open of it",
        LeftAlone.ORDER_INCOMPLETE: "its order ships complete and holds a part",
    },
    exceptions={
        ExceptionCode.CONFIRMED_LATE: "confirmed in full, but needed by {needed_by}",
        ExceptionCode.SHORT_WITHOUT_DATE: "{confirmed} of {requested} confirmed, no date for the rest",
        ExceptionCode.SHORT_AND_LATE: (
            "{confirmed} of {requested} confirmed, the rest comes on {expected} instead of by {due}"
        ),
        ExceptionCode.SHORT_AND_DATED: "{confirmed} of {requested} confirmed, the rest comes on {expected}",
        ExceptionCode.REST_WITHOUT_DATE: "the rest has no date",
        ExceptionCode.PROMISE_PASSED: "the rest was promised for {promised}, which has passed",
    },
    progress={
        ProgressCode.READING_DEMAND: "reading the demand",
        ProgressCode.PLANNING_DEMANDS: "planning {demands}",
        ProgressCode.STORING_LINES: "storing {lines}",
        ProgressCode.DONE: "done",
        ProgressCode.CANNOT_BE_PLANNED: "It cannot be planned: the service failed over it.",
        ProgressCode.TOO_MANY_DEMANDS: "More than {limit} demands: have every segment name SKUs, or orders.",
    },
    facts={
        Meaning.VALUE: (
            "weighted days that letting one unit wait for the next receipt costs: the dearest is served first"
        ),
        Meaning.JOINED: "joined the queue then; the earliest is served first",
        Meaning.UNIT_VALUE: "price of a unit in minor units: dearer ones count more",
        Meaning.BYPASSED: (
            "times others were served before its order; from {limit} on its stock is kept for it"
        ),
        Meaning.PROMISE_PASSED: "promised for a day that has passed: served before the others",
        Meaning.PROMISE_IN_TURN: (
            "promised for then: served before whoever is promised a later day, so that the promise is kept"
        ),
        Meaning.PROMISE_BEFORE_RECEIPT: "promised for before the next receipt: served before the others",
        Meaning.PROMISE_WITHOUT_RECEIPT: "promised, and no receipt is known: served before the others",
        Meaning.AGED: "more than {days} days: goes to the top",
        Meaning.TIER: "tier {number} of {tiers}, weight {weight}",
        Meaning.TIER_UNKNOWN: "tier {own!r} is not known here: it counts as {counts_as}",
        Meaning.TIER_TREATED_AS: "the order says {own}, which this policy treats as {counts_as}",
        Meaning.TIER_RAISED: "having waited so long, it counts as {counts_as}",
        Meaning.DUE_AS_NEEDED: "the date it is needed by; the earliest is served first",
        Meaning.DUE_BY_TIER: "{days} days after it was ordered, as {tier} may expect; the earliest is served first",
        Meaning.NEEDED_BY: "the date it is needed by; the earliest of a tier is served first",
        Meaning.NEEDED_BY_NONE: "no date it is needed by: behind those of its tier that have one",
        Meaning.SHARE_PROPORTIONAL: "where stock does not reach a whole class, each gets its part in proportion",
        Meaning.SHARE_MAX_MIN: (
            "where stock does not reach a whole class, customers gain evenly by weight until it is gone"
        ),
        Meaning.SHARE_UNIFORM_LOSSES: (
            "where stock does not reach a whole class, all lose the same number of units"
        ),
    },
)  # fmt: skip
