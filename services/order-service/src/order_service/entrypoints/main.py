"""The process: ``order-service``, role by ``ORDER_ROLE`` (api, worker or all)."""

from __future__ import annotations

from order_service.entrypoints.service import build
from service_kit.hosting.service import run


def main() -> None:
    """Run until stopped."""
    run(build)


if __name__ == "__main__":
    main()
