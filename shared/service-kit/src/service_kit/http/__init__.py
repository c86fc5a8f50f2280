"""The HTTP side of a service: the application factory and what endpoints are written with."""

from fastapi.sse import ServerSentEvent

from service_kit.auth import Principal
from service_kit.business_time import may_state_business_time
from service_kit.http.app import create_app
from service_kit.http.authentication import require
from service_kit.http.conditional import (
    IfMatch,
    RequiredIfMatch,
    etag,
    matches_version,
    not_modified,
    not_modified_response,
    set_etag,
)
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.models import Money, RequestModel, ResponseModel
from service_kit.http.pagination import (
    Page,
    PageParams,
    PageRequest,
    decode_cursor,
    encode_cursor,
    link_header,
)
from service_kit.http.preferences import preferred_wait
from service_kit.http.streaming import EventStream, event_stream, last_event_id, wants_events

__all__ = [
    "EventStream",
    "IfMatch",
    "Money",
    "Page",
    "PageParams",
    "PageRequest",
    "Principal",
    "RequestModel",
    "RequiredIfMatch",
    "ResponseModel",
    "ServerSentEvent",
    "create_app",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "event_stream",
    "fingerprint",
    "idempotency_key",
    "last_event_id",
    "link_header",
    "mark_replayed",
    "matches_version",
    "may_state_business_time",
    "not_modified",
    "not_modified_response",
    "preferred_wait",
    "require",
    "set_etag",
    "wants_events",
]
