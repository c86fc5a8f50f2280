"""Random histories of the payment model: what may happen, and how often."""

from __future__ import annotations

import random

from tests.unit.order.payments.model_world import FATES, World

from order_service.domain.payments.attempts import CAPTURING
from order_service.domain.payments.disputes import Dispute, DisputeState
from order_service.domain.payments.errors import ConcessionTooLarge

MOVES = (
    ("allocate", 6),
    ("ship", 5),
    ("step", 12),
    ("run", 6),
    ("deliver", 6),
    ("advance", 5),
    ("deallocate", 2),
    ("cancel", 3),
    ("lower_price", 1),
    ("card", 3),
    ("replace_method", 1),
    ("authenticate", 3),
    ("finish_pending", 3),
    ("refund_mood", 2),
    ("lose_events", 1),
    ("dispute", 1),
    ("concede", 1),
)
_NAMES = [name for name, _ in MOVES]
_WEIGHTS = [weight for _, weight in MOVES]


def play(world: World, moves: int = 40) -> None:
    """So many random moves, and then everything comes to rest. Raises Broken where money goes wrong."""
    for _ in range(moves):
        name = world.rng.choices(_NAMES, _WEIGHTS)[0]
        world.log.append(f"{world.now:%d %H:%M} {name}")
        move(world, name, world.rng)
        world.check_always()
    world.come_to_rest(customer_pays=world.rng.random() < 0.6)


def move(world: World, name: str, rng: random.Random) -> None:  # noqa: PLR0912 - one case a move
    """One move of that name, with chances of its own."""
    line = rng.choice(list(world.lines))
    units = rng.randint(1, 3)
    match name:
        case "allocate" | "deallocate" | "ship":
            getattr(world, name)(line, units)
        case "cancel":
            world.cancel(line, units, by_customer=rng.random() < 0.7)
        case "lower_price":
            world.lower_price(line)
        case "step":
            world.step(rng.choice(FATES) if rng.random() < 0.4 else "ok")
        case "run":
            world.run(hours=rng.choice([0, 0.1, 1, 13, 30]))
        case "deliver":
            world.deliver(rng.randrange(50), keep=rng.random() < 0.4)
        case "advance":
            world.troubled = True
            world.advance(hours=rng.choice([0.02, 0.1, 1, 5, 20, 26, 60]))
        case "card":
            world.set_card(rng.choice(["ok", "ok", "declined", "sca", "slow"]))
        case "replace_method":
            world.replace_method()
        case "authenticate":
            world.authenticate(well=rng.random() < 0.5)
        case "finish_pending":
            world.finish_pending(well=rng.random() < 0.6)
        case "refund_mood":
            world.bank.refunds_are = rng.choice(["ok", "ok", "slow", "fail"])
        case "lose_events":
            world.lose_events()
        case "dispute":
            dispute(world, rng)
        case "concede":
            try:
                world.payment.concede(rng.randint(1, 500), world.payment.observe(world.money_lines(), world.now))
            except ConcessionTooLarge:
                return


def dispute(world: World, rng: random.Random) -> None:
    """A bank takes back what is left of a charge, or a dispute of it ends."""
    charges = [one for one in world.payment.attempts if one.kind in CAPTURING and one.succeeded]
    if not charges or world.payment.open_attempts:
        return
    charge = rng.choice(charges)
    known = world.payment.disputes.get(f"d-{charge.attempt_id}")
    if known is not None:
        state = rng.choice([DisputeState.LOST, DisputeState.WON]) if known.state is DisputeState.OPEN else known.state
        world.money += world.payment.record_dispute(Dispute(known.dispute_id, known.of, known.amount, state))
    elif world.payment.refundable(charge) > 0:
        amount = world.payment.refundable(charge)
        opened = Dispute(f"d-{charge.attempt_id}", charge.attempt_id, amount, DisputeState.OPEN)
        world.money += world.payment.record_dispute(opened)
