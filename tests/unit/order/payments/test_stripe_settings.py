"""Stripe is a provider where the settings name an account, and real money moves encrypted only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from order_service.bootstrap import payment_providers
from order_service.config import OrderSettings


def settings(**more: Any) -> OrderSettings:
    """Settings of a service that nobody runs."""
    return OrderSettings(database_url="postgresql+asyncpg://x/y", kafka_bootstrap="x:1", keyring_path=Path("k"), **more)


@pytest.mark.parametrize("key", [None, "", "\n", "not-set"])
def test_without_a_key_there_is_no_stripe(key: str | None) -> None:
    assert set(payment_providers(settings(stripe_api_key=key, stripe_webhook_secret=key))) == {"webhook"}


def test_stripe_is_not_loaded_where_there_is_none() -> None:
    program = (
        "import sys; from pathlib import Path; from order_service.bootstrap import payment_providers; "
        "from order_service.config import OrderSettings; "
        "payment_providers(OrderSettings(database_url='postgresql+asyncpg://x/y', kafka_bootstrap='x:1', "
        "keyring_path=Path('k'))); sys.exit('stripe' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("key", ["sk_test_1", "rk_live_1"])
def test_with_a_key_there_is(key: str) -> None:
    assert set(payment_providers(settings(stripe_api_key=key))) == {"webhook", "stripe"}


def test_the_simulator_has_an_address_of_its_own() -> None:
    assert "stripe" in payment_providers(settings(stripe_api_key="sk_test_1", stripe_url="http://127.0.0.1:8026"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"stripe_api_key": "pk_test_1"}, "stripe_api_key"),
        ({"stripe_api_key": "secret"}, "stripe_api_key"),
        ({"stripe_url": "127.0.0.1:8026"}, "stripe_url"),
        ({"payment_return_url": "shop.example"}, "payment_return_url"),
        ({"stripe_api_key": "sk_live_1", "stripe_url": "http://127.0.0.1:8026"}, "stripe_url"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        settings(**wrong)
    assert "sk_live_1" not in repr(settings(stripe_api_key="sk_live_1"))
    assert refused.value.error_count() == 1
