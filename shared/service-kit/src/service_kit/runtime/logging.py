"""Logs that cannot leak personal data: only listed fields are written, and errors without their messages.

The message of an exception quotes the data that caused it (a database's "Key (email)=(…) already exists"). So a log
line has the error's type, SQLSTATE and frames instead, which lead to the cause just as surely.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from service_kit.runtime.settings import ServiceSettings

ALLOWED_FIELDS: frozenset[str] = frozenset(
    {
        # structlog's own
        "event", "level", "logger", "timestamp", "exception", "dropped_fields",
        # where
        "service", "role", "host", "port", "part", "trace_id", "correlation_id", "causation_id",
        # requests
        "method", "route", "status", "duration_ms", "key_id", "code",
        # messaging
        "topic", "partition", "offset", "group", "consumer", "event_id", "event_name", "event_type", "lag", "shard",
        "shards", "rows", "batch", "count", "records", "commands", "attempt", "attempts", "wait_seconds", "seconds",
        "age_seconds", "error_type", "sqlstate", "reason", "parked", "skipped", "events", "member", "generation",
        "partitions", "topics", "failpoint",
        # the business: ids only
        "order_id", "line_id", "sku", "location_id", "shipment_id", "receipt_id", "purchase_order_id", "decision_id",
        "notification_id", "endpoint_id", "template", "channel", "quantity", "sequence", "version", "state",
        "invariant", "orders", "lines", "deleted", "setting", "signal", "in_a_row", "path", "revision",
    }
)  # fmt: skip
"""Fields a log line may have. An identifier that names a person (a contact, an address) is not among them."""

Event = MutableMapping[str, Any]

_ARGUMENTS = "positional_args"
"""Where structlog puts the arguments of a library's message."""
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def keep_allowed(_: Any, __: str, event: Event) -> Event:
    """Drop every field that is not allowed, and add how many were dropped."""
    refused = [name for name in event if name not in ALLOWED_FIELDS and not name.startswith("_")]
    for name in refused:
        del event[name]
    if refused:
        event["dropped_fields"] = len(refused)
    return event


def without_arguments(_: Any, __: str, event: Event) -> Event:
    """Of a library's message only what its author wrote: the pattern, without the values that it was given.

    A message that was put together before it was logged is none of its author's words, so that the place in the
    library is named instead. asyncio's report of a lost exception, for one, quotes the exception.
    """
    arguments, record = event.pop(_ARGUMENTS, None), event.get("_record")
    if isinstance(record, logging.LogRecord):
        if not arguments and not _is_written(record.pathname, str(event["event"])):
            event["event"] = "message of a library"
        event["path"] = f"{record.module}:{record.lineno}"
    return event


@lru_cache(maxsize=500)
def _is_written(file: str, message: str) -> bool:
    """Whether the message stands in the library's source as it is."""
    try:
        return bool(message) and message in Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def describe_error(_: Any, __: str, event: Event) -> Event:
    """Replace ``exc_info`` by ``exception``: types, SQLSTATE and frames of the error and its causes, no messages."""
    given = event.pop("exc_info", None)
    error = _error_of(given)
    if error is not None:
        event["exception"] = described(error)
    event.pop("stack_info", None)
    return event


def _error_of(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if len(given) > 1 else None
    return sys.exc_info()[1] if given else None


def described(error: BaseException, *, depth: int = 4) -> list[dict[str, Any]]:
    """The error and the errors it was raised from, outermost first."""
    chain: list[dict[str, Any]] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < depth:
        part: dict[str, Any] = {"type": f"{type(seen).__module__}.{type(seen).__qualname__}"}
        sqlstate = getattr(seen, "sqlstate", None)
        if isinstance(sqlstate, str):
            part["sqlstate"] = sqlstate
        frames = traceback.extract_tb(seen.__traceback__)[-12:]
        part["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append(part)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return chain


class _OrjsonRenderer:
    def __call__(self, _: Any, __: str, event: Event) -> str:
        import orjson  # noqa: PLC0415 - the console format does without

        return orjson.dumps(event, default=lambda value: type(value).__name__, option=orjson.OPT_NON_STR_KEYS).decode()


def _render_errors_plainly(_: Any, __: str, event: Event) -> Event:
    chain = event.pop("exception", None)
    if isinstance(chain, list):
        event["error_type"] = chain[0]["type"]
        frames = [f"\n    {frame}" for part in chain for frame in (part["type"], *part["frames"])]
        event["event"] = f"{event['event']}{''.join(frames)}"
    return event


def configure_logging(settings: ServiceSettings) -> None:
    """Write the logs of structlog and of the standard library to stderr, both through one allow-list."""
    shared: Sequence[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_error,
        keep_allowed,
        _naming(settings),
    ]
    renderer: list[Any] = (
        [_render_errors_plainly, structlog.dev.ConsoleRenderer(colors=False)]
        if settings.log_format == "console"
        else [_OrjsonRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[without_arguments, *shared],
        use_get_message=False,
        pass_foreign_args=True,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_our_own_or_serious)
    handler.addFilter(NotAgain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, level in _LIBRARIES.items():
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
        library.setLevel(level)


_LIBRARIES = {
    # Our own request log names routes; uvicorn's has paths and queries, which may contain tokens.
    "uvicorn.access": "CRITICAL",
    "uvicorn": "WARNING",
    "uvicorn.error": "WARNING",
    "aiokafka": "ERROR",
}


def _our_own_or_serious(record: logging.LogRecord) -> bool:
    """Below warnings, libraries log whole URLs and SQL statements."""
    return isinstance(record.msg, dict) or record.levelno >= logging.WARNING


class NotAgain(logging.Filter):
    """Lets each message pattern of Kafka's client through once in ``every`` seconds.

    While a broker is down, the client logs the same message a hundred times a second in each process.
    """

    def __init__(self, every: float = 10.0, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every, self._now = every, now
        self._passed: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a line whose pattern was let through less than ``every`` seconds ago."""
        if record.name.partition(".")[0] != "aiokafka":
            return True
        what, now = (record.name, str(record.msg)), self._now()
        if now - self._passed.get(what, -self._every) < self._every:
            return False
        self._passed = {known: at for known, at in self._passed.items() if now - at < self._every}
        self._passed[what] = now
        return True


def _naming(settings: ServiceSettings) -> Any:
    def name_service(_: Any, __: str, event: Event) -> Event:
        event["service"] = settings.service_name
        return event

    return name_service
