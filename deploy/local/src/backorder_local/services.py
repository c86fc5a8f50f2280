"""The four services, as far as running them on one machine needs to know them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class ServiceProgram:
    """`order` is run by `python -m order_service.entrypoints.main` with settings `ORDER_…`."""

    name: str
    default_port: int

    @property
    def ops(self) -> str:
        """The name of its ops port among the ports of a system."""
        return f"{self.name}-ops"

    @property
    def module(self) -> str:
        return f"{self.name}_service"

    @property
    def main_module(self) -> str:
        return f"{self.module}.entrypoints.main"

    def environment(self, settings: Mapping[str, object]) -> dict[str, str]:
        """The settings as environment variables with the service's prefix."""
        return {f"{self.name.upper()}_{field.upper()}": str(value) for field, value in settings.items()}


SERVICES = (
    ServiceProgram("order", 8001),
    ServiceProgram("inventory", 8002),
    ServiceProgram("allocation", 8003),
    ServiceProgram("notification", 8004),
)
SERVICE_NAMES = tuple(service.name for service in SERVICES)


def is_installed(service: ServiceProgram) -> bool:
    """True if the service's program is part of this installation."""
    try:
        return find_spec(service.main_module) is not None
    except ModuleNotFoundError:
        return False
