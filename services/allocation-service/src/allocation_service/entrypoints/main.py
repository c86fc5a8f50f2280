"""The process: ``allocation-service`` or ``python -m allocation_service.entrypoints.main``."""

from __future__ import annotations

from allocation_service.entrypoints.service import build
from service_kit.hosting.running import run


def main() -> None:
    """Run the service until it is told to stop."""
    run(build)


if __name__ == "__main__":
    main()
