"""The process: ``python -m notification_service.entrypoints.main`` or ``notification-service``."""

from __future__ import annotations

from notification_service.entrypoints.service import build
from service_kit.hosting.running import run


def main() -> None:
    """Run the service in the role its settings name."""
    run(build)


if __name__ == "__main__":
    main()
