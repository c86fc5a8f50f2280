"""Mutants of the allocation service."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_SERVICE = "services/allocation-service/src/allocation_service"
_UNIT = "tests/unit/allocation"

MUTANTS = (
    Mutant(
        "equal-sequence-counts-as-newer",
        "A fact with the version that is known already is applied again",
        f"{_SERVICE}/domain/protocol_rules.py",
        "return arriving > known",
        "return arriving >= known",
        (f"{_UNIT}/test_protocol_rules.py",),
    ),
    Mutant(
        "stale-receipt-lowers-inbound",
        "A receipt that is older than what is known of its purchase-order line changes the inbound",
        f"{_SERVICE}/application/session/apply_events.py",
        """        return False
    rises = known""",
        """        pass
    rises = known""",
        (f"{_UNIT}/test_protocol_rules.py",),
    ),
    Mutant(
        "voided-units-have-left",
        "Units of a shipment that was voided count as having left",
        f"{_SERVICE}/application/session/decision_builder.py",
        "units - fact.voided.get(location, 0)",
        "units",
        (f"{_UNIT}/test_voided_shipments.py",),
    ),
    Mutant(
        "forced-units-stay-after-a-void",
        "What a shipment forced beyond the supply stays granted once it is voided",
        f"{_SERVICE}/application/session/decision_builder.py",
        "for location in returned)",
        "for location in ())",
        (f"{_UNIT}/test_voided_shipments.py",),
    ),
    Mutant(
        "orders-not-locked-before-outbox",
        "Revised promises are published without a lock on their orders: events of one order may swap",
        f"{_SERVICE}/application/promising/revise_promises.py",
        "        await store.lock_orders("
        "protocol_rules.lock_order(line.order_id for _, lines in moved for line in lines))\n",
        "",
        (f"{_UNIT}/test_locks.py",),
    ),
    Mutant(
        "deferred-orders-do-not-queue",
        "A new order takes stock that an older deferred order waits to be decided about",
        f"{_SERVICE}/domain/protocol_rules.py",
        "return any(other != order_id for sku in skus for other in pending.get(sku, ()))",
        "return False",
        (f"{_UNIT}/test_protocol_rules.py", f"{_UNIT}/test_handling_orders.py"),
    ),
    Mutant(
        "promise-sweep-a-day-early",
        "A promise is renewed on its own day, before it has passed",
        f"{_SERVICE}/application/promising/renew_passed_promises.py",
        "found = await uow.background.skus_with_passed_promises(now.date(),",
        "tomorrow = datetime.fromtimestamp(now.timestamp() + 86_400, now.tzinfo)\n"
        "    found = await uow.background.skus_with_passed_promises(tomorrow.date(),",
        (f"{_UNIT}/test_locks.py",),
    ),
    Mutant(
        "first-dates-never-judged",
        "What became of first dates is folded into levels that are thrown away",
        f"{_SERVICE}/application/promising/fold_outcomes.py",
        "    await uow.lateness.keep_levels(levels)\n",
        "",
        (f"{_UNIT}/test_learned_dates.py",),
    ),
    Mutant(
        "missing-deliveries-left-out",
        "Deliveries that are still missing are left out, so that suppliers that get worse look as good as before",
        f"{_SERVICE}/domain/lateness/observations.py",
        "yield band, Observation((today - past.eta).days, True, lead)",
        "return",
        (f"{_UNIT}/test_lateness_tables.py",),
    ),
    Mutant(
        "cap-one-too-low",
        "The last unit under a cap is declined",
        f"{_SERVICE}/domain/allocating/deciding_new_demand.py",
        "terms.waiting + waits > terms.cap",
        "terms.waiting + waits >= terms.cap",
        (f"{_UNIT}/test_lines_and_new_demand.py",),
    ),
    Mutant(
        "latest-date-exclusive",
        "A promise for the very last acceptable day is declined",
        f"{_SERVICE}/domain/allocating/deciding_new_demand.py",
        "promise_date > latest",
        "promise_date >= latest",
        (f"{_UNIT}/test_lines_and_new_demand.py",),
    ),
    Mutant(
        "promises-do-not-count",
        "A promise is made of supply that others were promised",
        f"{_SERVICE}/domain/promising/promise_dates.py",
        "left = supply - sum(claimed.values())",
        "left = supply",
        (f"{_UNIT}/test_promising.py",),
    ),
    Mutant(
        "overdue-delivery-expected-yesterday",
        "An overdue delivery is expected on a day that is over",
        f"{_SERVICE}/domain/promising/promise_dates.py",
        "return day if day >= now.date() else",
        "return day if day else",
        (f"{_UNIT}/test_promising.py",),
    ),
    Mutant(
        "newest-units-ship-first",
        "A cut takes the units that have waited longest",
        f"{_SERVICE}/domain/demand/line.py",
        "queued_at, units = self.layers.pop()",
        "queued_at, units = self.layers.pop(0)",
        (f"{_UNIT}/test_ledger_machine.py", f"{_UNIT}/test_lines_and_new_demand.py"),
    ),
    Mutant(
        "what-left-is-not-granted",
        "A shipment beyond the grants is not counted as granted: its units are sold again",
        f"{_SERVICE}/domain/protocol_rules.py",
        "return max(granted, shipped)",
        "return granted",
        (f"{_UNIT}/test_protocol_rules.py", f"{_UNIT}/test_ledger_machine.py"),
    ),
)
"""Mutants of the allocation service."""
