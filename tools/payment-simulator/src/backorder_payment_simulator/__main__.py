"""Run the simulator: ``python -m backorder_payment_simulator PORT --data FILE --webhook-url URL``.

The secret key and the webhook's secret come from the environment, ``PAYMENT_SIMULATOR_KEY`` and
``PAYMENT_SIMULATOR_WEBHOOK_SECRET``: they are not for the list of processes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from backorder_payment_simulator.access import Keys
from backorder_payment_simulator.app import Simulator, create_app
from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.clock import SimulatedClock
from backorder_payment_simulator.environment import KEY, WEBHOOK_SECRET
from backorder_payment_simulator.events import Events, WebhookSettings
from backorder_payment_simulator.store import Store

_HOST = "127.0.0.1"


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="backorder-payment-simulator", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--data", type=Path, help="where it remembers; without it everything is forgotten at the end")
    parser.add_argument("--webhook-url", help="where events are sent")
    parser.add_argument("--repeated", type=float, default=0.25, help="the share of events that are sent twice")
    parser.add_argument("--spread", type=float, default=1.5, help="seconds by which events come late, out of order")
    parser.add_argument("--seed", type=int, default=0, help="of what is repeated and late")
    arguments = parser.parse_args()
    settings = WebhookSettings(
        url=arguments.webhook_url,
        secret=os.environ.get(WEBHOOK_SECRET) or WebhookSettings().secret,
        repeated=arguments.repeated,
        spread=arguments.spread,
        seed=arguments.seed,
    )
    store = Store(arguments.data)
    clock = SimulatedClock(store)
    bank = Bank(store, clock, Events(store, clock, settings), public_url=f"http://{_HOST}:{arguments.port}")
    keys = Keys(secret=os.environ.get(KEY) or Keys().secret)
    uvicorn.run(create_app(Simulator(bank, keys)), host=_HOST, port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
