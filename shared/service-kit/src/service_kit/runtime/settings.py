"""Settings that every service has, read from the environment with the service's own prefix."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Role = Literal["api", "worker", "all"]

Port = Annotated[int, Field(ge=0, le=65535)]

Rate = Annotated[str, Field(pattern=r"^([1-9][0-9]*/(second|minute|hour|day)|unlimited|)$")]
"""Such as ``600/minute``. An empty rate means unlimited too, but an empty variable counts as not set."""


def _network(value: str) -> str:
    ip_network(value)
    return value


Network = Annotated[str, AfterValidator(_network)]
"""An address such as ``10.0.0.5``, or a network such as ``172.31.250.0/24``."""

_MOUNTED_SECRETS = Path("/run/secrets")
"""Where containers get secrets: a file named as the variable would be, such as ``order_database_url``."""


class ServiceSettings(BaseSettings):
    """Base of a service's settings.

    A service subclasses it with ``model_config = SettingsConfigDict(env_prefix="ORDER_")`` and
    ``service_name = "order"``. Secrets are kept out of ``repr``. A variable wins over a mounted file.
    """

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, secrets_dir=_MOUNTED_SECRETS if _MOUNTED_SECRETS.is_dir() else None
    )

    service_name: ClassVar[str] = "service"

    role: Role = "all"
    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: str | None = None
    ops_host: str = "127.0.0.1"
    ops_port: Port | None = None
    """Where health with its details and the metrics are served, for those who run the service; None: nowhere. A
    process that is only a worker has no public API, and serves them at ``port`` without this."""
    trusted_proxies: list[Network] = []
    """Addresses or networks of reverse proxies: their ``X-Forwarded-For`` is believed, and they may have as many
    connections as there are."""

    database_url: str = Field(repr=False)
    migration_database_url: str | None = Field(default=None, repr=False)
    pool_size: int = Field(default=10, ge=1, le=200)

    kafka_bootstrap: str
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = Field(default=None, repr=False)
    kafka_ca_path: Path | None = None
    kafka_session_timeout: float = Field(default=10.0, ge=1, le=300)
    """Seconds without a sign of life after which a consumer's partitions go to others.

    Brokers accept 6 s and more unless their ``group.min.session.timeout.ms`` says otherwise.
    """
    topic_prefix: str = ""

    keyring_path: Path
    tracking_secret: str | None = Field(default=None, repr=False)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str | None = None
    local_mode: bool = False

    cors_origins: list[str] = ["*"]
    """Origins whose browsers may call; keys travel in a header, so no ambient credential is at stake."""

    body_limit: int = Field(default=64 * 1024, ge=1)
    large_body_limit: int = Field(default=1024 * 1024, ge=1)

    rate_limit: Rate = "60000/minute"
    """Requests of one key for each second, minute, hour or day; or ``unlimited``."""
    anonymous_rate_limit: Rate = "6000/minute"
    """Requests of one address without a valid key. Health checks and metrics are not counted."""

    header_limit: int = Field(default=32 * 1024, ge=1024)
    """Bytes of a request's line and headers."""
    header_timeout: float = Field(default=15.0, gt=0)
    """Seconds from the beginning of a connection, or of a request on it, to the end of the headers."""
    body_timeout: float = Field(default=30.0, gt=0)
    """Seconds that a body may take to arrive."""
    write_timeout: float = Field(default=30.0, gt=0)
    """Seconds that a client may leave what it was sent unread."""
    connection_limit: int = Field(default=1000, ge=1)
    address_connection_limit: int = Field(default=200, ge=1)
    """Connections of one address; proxies of ``trusted_proxies`` may have as many as there are."""
    caller_concurrency: int = Field(default=256, ge=1)
    """Requests of one key, one tracking link or one address without a key at the same time."""
    caller_streams: int = Field(default=100, ge=1)
    """Event streams of one key; a tracking link may have a tenth of it. They count as requests too."""

    idempotency_retention_days: int = Field(default=30, ge=1)
    inbox_retention_days: int | None = Field(default=None, ge=1)
    """Days after which the inbox forgets handled events; None: never. Must exceed the retention of the topics."""
    shutdown_timeout: float = Field(default=10.0, gt=0)
    """Seconds that running requests get to finish after a stop signal."""
    drain_delay: float = Field(default=0.0, ge=0)
    """Seconds to answer while not ready, so that a load balancer notices before the port closes."""

    business_clock: Literal["wall", "events"] = "wall"
    """The present for background tasks: the wall clock, or the newest business time seen in events, for replays of
    old data."""

    @property
    def own_url(self) -> str:
        """Where clients reach the service, without a slash at the end; from configuration and never from a request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def idle_in_transaction(self) -> float:
        """Seconds after which the database ends the transaction of a process that froze.

        Less than the session time-out, so that its locks are released before others are given its partitions.
        """
        return 0.8 * self.kafka_session_timeout
