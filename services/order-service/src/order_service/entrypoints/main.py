"""The process ``order-service``; ``ORDER_ROLE`` sets its role: api, worker or all."""

from __future__ import annotations

from order_service.entrypoints.service import build
from service_kit.hosting.running import run


def main() -> None:
    """Run the service until it is stopped."""
    run(build)


if __name__ == "__main__":
    main()
