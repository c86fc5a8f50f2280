"""Stripe's mock server is built by the project itself, and judges requests as Stripe would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backorder_local.stripe_mock import StripeMockUnavailable, ensure_stripe_mock, running_stripe_mock

pytestmark = pytest.mark.timeout(700)


@pytest.fixture
def stripe_mock(tmp_path: Path) -> Iterator[str]:
    try:
        ensure_stripe_mock()
    except StripeMockUnavailable as why:
        pytest.skip(f"not run: {why}")
    with running_stripe_mock(tmp_path / "stripe-mock.log") as url:
        yield url


def test_a_request_in_the_wrong_form_is_refused_and_one_in_the_right_form_is_answered(stripe_mock: str) -> None:
    def post(form: dict[str, str]) -> httpx.Response:
        headers = {"Authorization": "Bearer sk_test_123"}
        return httpx.post(f"{stripe_mock}/v1/payment_intents", data=form, headers=headers, trust_env=False)

    assert post({"amount": "1000", "currency": "eur"}).json()["object"] == "payment_intent"
    assert post({"amount": "a thousand", "currency": "eur"}).status_code == 400
    assert post({"amount": "1000", "currency": "eur", "unheard_of": "1"}).status_code == 400


def test_without_uv_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKORDER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    with pytest.raises(StripeMockUnavailable, match="uv is missing"):
        ensure_stripe_mock()
