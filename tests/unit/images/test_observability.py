"""Dashboard, alerts and scraping name only what exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import service_kit.hosting.running
import service_kit.http.observation
import service_kit.http.operations
import service_kit.messaging.metrics
from allocation_service.adapters.lending import loan_metrics
from allocation_service.entrypoints.background import deferred_orders, queue_metrics, reconciler, retention
from notification_service.application import metrics

# Importing them makes the metrics.
MAKERS = (service_kit, loan_metrics, deferred_orders, queue_metrics, reconciler, retention, metrics)
ROOT = Path(__file__).resolve().parents[3]
OBSERVABILITY = ROOT / "deploy/observability"
DASHBOARD: dict[str, Any] = json.loads((OBSERVABILITY / "grafana/dashboards/backorder.json").read_text())
_WORDS = {"sum", "max", "by", "rate", "increase", "histogram_quantile", "or", "unless", "vector"}
# Given by Prometheus, and by its client for every process.
_FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def _exported() -> set[str]:
    """Every series name that the services' code can export."""
    names = set()
    for family in REGISTRY.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def _labels_of(name: str) -> set[str]:
    collector = (
        REGISTRY._names_to_collectors.get(name)
        or REGISTRY._names_to_collectors[re.sub(r"_(bucket|sum|count)$", "", name)]
    )
    return set(getattr(collector, "_labelnames", ()))


def _expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for group in yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


EXPRESSIONS = list(_expressions())


def _series(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|\"[^\"]*\"", " ", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - _WORDS


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_every_series_asked_for_is_exported_with_the_labels_used(title: str, expression: str) -> None:
    names = _series(expression)
    assert names
    assert names <= _exported() | _FOREIGN
    scraped = {"owner", "role", "job", "instance", "le"}
    for group in re.findall(r"by \(([^)]*)\)", expression):
        for name in names - _FOREIGN:
            assert {label.strip() for label in group.split(",")} <= _labels_of(name) | scraped


def test_the_check_of_names_can_fail() -> None:
    assert not _series('sum by (owner) (rate(no_such_total{a="b"}[5m]))') <= _exported() | _FOREIGN


def test_every_metric_of_the_messaging_parts_is_on_the_dashboard() -> None:
    shown = {name for _, expression in EXPRESSIONS for name in _series(expression)}
    ours = {
        name
        for name in _exported()
        if name.startswith(("outbox", "relay", "consumer", "parked", "inbox", "rebalances"))
    }
    assert ours <= shown


def test_panels_have_an_identity_a_source_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    sources = yaml.safe_load((OBSERVABILITY / "grafana/provisioning/datasources/backorder.yaml").read_text())
    known = {source["uid"] for source in sources["datasources"]}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] in known


def test_every_program_is_scraped_and_its_name_gives_the_labels() -> None:
    containers = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (job,) = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == {name for name in containers if name.endswith(("-api", "-worker"))}
    for rule in job["relabel_configs"]:
        assert all(re.fullmatch(rule["regex"], name) for name in found["names"])


def test_the_collector_sends_only_where_a_container_listens() -> None:
    containers = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    collector = yaml.safe_load((OBSERVABILITY / "otel-collector.yaml").read_text())
    for exporter in collector["exporters"].values():
        host = exporter["endpoint"].split("/")[2].partition(":")[0]
        assert containers[host]["profiles"] == ["observability"]
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= collector[kind].keys()
    environment = (OBSERVABILITY / "observability.env").read_text()
    assert "BACKORDER_OTLP_ENDPOINT=http://otel-collector:4318" in environment
