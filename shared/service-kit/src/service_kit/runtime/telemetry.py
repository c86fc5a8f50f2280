"""OpenTelemetry: spans and metrics are exported if an endpoint is configured; otherwise nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from service_kit.runtime.cause import current_cause

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from service_kit.runtime.settings import ServiceSettings


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span, or else of the request or event being handled; None without one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    cause = current_cause.get()
    return cause.traceparent if cause else None


def start_telemetry(settings: ServiceSettings, version: str) -> Callable[[], None]:
    """Export spans and metrics to ``settings.otlp_endpoint``; returns the function that flushes and ends the export.

    Without an endpoint the SDK is not loaded, and FastAPI's own instrumentation stays off.
    """
    if not settings.otlp_endpoint:
        return lambda: None
    # Importing the SDK takes a third of a second; only processes that export pay for it.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    endpoint = settings.otlp_endpoint.rstrip("/")
    resource = Resource.create(
        {"service.name": settings.service_name, "service.namespace": "backorder", "service.version": version}
    )
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(_QueryRedaction())  # type: ignore[arg-type]
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"))
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(meters)

    def stop() -> None:
        traces.shutdown()
        meters.shutdown()

    return stop


class _QueryRedaction:
    """Keeps query strings, which contain tracking tokens and references, out of spans.

    It has the methods of a ``SpanProcessor`` without inheriting from it, so that the SDK is loaded only if needed.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        attributes = span.attributes or {}
        if "url.query" in attributes:
            span.set_attribute("url.query", "redacted")

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do."""

    def _on_ending(self, span: Span) -> None:
        """Nothing to do."""

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back."""
        return True
