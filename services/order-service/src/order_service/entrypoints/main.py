"""The process: ``order-service``, role by ``ORDER_ROLE`` (api, worker or all)."""

from __future__ import annotations

import service_kit.runtime.lean  # noqa: F401 - first, see there
from order_service.entrypoints.service import build
from service_kit.hosting.running import run


def main() -> None:
    """Run until stopped."""
    run(build)


if __name__ == "__main__":
    main()
