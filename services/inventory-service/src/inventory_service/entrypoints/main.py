"""The process: ``inventory-service`` or ``python -m inventory_service.entrypoints.main``."""

from __future__ import annotations

from inventory_service.entrypoints.service import build
from service_kit.hosting.running import run


def main() -> None:
    """Run the service until it is told to stop."""
    run(build)


if __name__ == "__main__":
    main()
