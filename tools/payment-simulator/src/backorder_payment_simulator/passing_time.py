"""What happens because time passes: holds end, debits and refunds are carried out."""

from __future__ import annotations

from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.intents import end_intent, finish_debit
from backorder_payment_simulator.refunds import finish_refund
from backorder_payment_simulator.wire import WireObject


def catch_up(bank: Bank) -> int:
    """Let everything happen that is due by now; how much that was."""
    happened = 0
    while (item := bank.store.next_due(bank.clock.now())) is not None:
        _happen(bank, item)
        happened += 1
    return happened


def _happen(bank: Bank, item: WireObject) -> None:
    if item["object"] == "refund":
        finish_refund(bank, item)
    elif item["status"] == "requires_capture":
        end_intent(bank, item, "automatic")
    else:
        finish_debit(bank, item)
