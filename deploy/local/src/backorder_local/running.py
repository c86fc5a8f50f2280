"""The running local system as other commands see it: addresses and keys."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backorder_local.data_directory import DataDirectory, default_root
from backorder_local.private_files import read_json, write_json


class NotRunning(RuntimeError):
    """No system is up in the data directory; the message names the remedy."""


@dataclass(frozen=True)
class RunningSystem:
    """How to reach a system that is up. The maps are keyed by `order`, `inventory`, `allocation`, `notification`.

    `api_key` holds every scope. Database addresses are `postgresql://…`: `database_urls` as the role that may
    read and write rows, `owner_urls` as the owner. `ops_urls`: health with its details, and metrics. The payment
    simulator has a secret key of its own, in Stripe's form; empty: there is none.
    """

    data_dir: str
    service_urls: Mapping[str, str]
    api_key: str
    kafka_bootstrap: str
    admin_url: str
    database_urls: Mapping[str, str]
    owner_urls: Mapping[str, str]
    smtp_port: int
    ops_urls: Mapping[str, str] = field(default_factory=dict)
    payment_simulator_url: str = ""
    payment_simulator_key: str = field(default="", repr=False)

    def save(self) -> None:
        """Let other processes of this user find the system."""
        write_json(DataDirectory(Path(self.data_dir)).addresses, asdict(self))


def running_system(data_dir: Path | None = None) -> RunningSystem:
    """The system that is up in the directory (default: the current project's). Raises NotRunning."""
    directory = DataDirectory((data_dir or default_root()).resolve())
    if directory.holder() is None:
        raise NotRunning(f"no system runs in {directory.root}: start one with `backorder up`")
    found = read_json(directory.addresses)
    if not found:
        raise NotRunning(f"the system in {directory.root} is not up yet: look at `backorder status`")
    return RunningSystem(**found)
