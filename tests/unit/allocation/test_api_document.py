"""What a form or a generated client takes from allocation's API document."""

from pathlib import Path
from typing import Any

import pytest

from allocation_service.config import AllocationSettings
from allocation_service.entrypoints.service import build
from service_kit.http.app import create_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    settings = AllocationSettings(
        database_url="postgresql+asyncpg://nobody@localhost/none", kafka_bootstrap="none:1", keyring_path=Path("none")
    )
    return create_app(build(settings)).openapi()


def test_the_weights_of_the_value_index_have_their_range(document: dict[str, Any]) -> None:
    weights = document["components"]["schemas"]["WeightsBody"]["properties"]
    assert {(name, one["minimum"], one["maximum"]) for name, one in weights.items()} == {
        (name, 0, 1000) for name in ("date", "loyalty", "urgency", "value")
    }


@pytest.mark.parametrize(
    ("method", "path", "required"),
    [
        ("put", "draft", True),
        ("delete", "draft", False),
        ("post", "activate", False),
        ("post", "retire", False),
    ],
)
def test_if_match_is_declared(document: dict[str, Any], method: str, path: str, required: bool) -> None:
    operation = document["paths"][f"/v1/policies/{{name}}/{path}"][method]
    (header,) = [one for one in operation["parameters"] if one["in"] == "header"]
    assert (header["name"].lower(), header["required"]) == ("if-match", required)
