"""How long a key made by `backorder keys create` is valid."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from backorder_local.cli import app
from backorder_local.commands.keys import expiry_of
from service_kit.http.api_keys import KeyringError

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def test_the_options_name_an_instant_never_or_the_default():
    assert expiry_of(None, None, NOW) is None
    assert expiry_of("never", None, NOW) == "never"
    assert expiry_of(None, 1.5, NOW) == NOW + timedelta(days=1.5)
    assert expiry_of("2026-06-30", None, NOW) == datetime(2026, 7, 1, tzinfo=UTC)
    assert expiry_of("2026-03-02", None, NOW) == datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize("expires", ["soon", "", "2026-02-30", "2026-03-01", "9999-12-31", "0000-01-01"])
def test_other_words_and_days_that_are_over_are_refused(expires):
    with pytest.raises(KeyringError, match="--expires"):
        expiry_of(expires, None, NOW)


def test_both_options_at_once_are_refused():
    with pytest.raises(KeyringError, match="not both"):
        expiry_of("never", 3, NOW)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "a key needs a scope; known: availability:read"),
        (("--scope", "contacts:write", "--customer-id", "c1"), "bound to a customer may not have contacts:write"),
        (("--scope", "orders:read", "--customer-id", ""), "a customer's id has"),
        (("--scope", "orders:read", "--expires", "soon"), "--expires takes a day"),
    ],
)
def test_a_key_is_refused_with_words_that_say_what_to_do(tmp_path, arguments, words):
    result = CliRunner().invoke(app, ["keys", "create", "shop", *arguments, "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert words in str(result.output) + str(result.exception)
    assert not (tmp_path / "keyring.json").exists()
