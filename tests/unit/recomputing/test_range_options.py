"""`backorder replay-decisions` refuses impossible ranges before it looks for a running system."""

import pytest
from typer.testing import CliRunner

from backorder_local.cli import app

EARLIER, LATER = "0198a3c4-5b1e-7c3a-9d0f-2b6f5a0c1e77", "0198a3c4-5b1f-7c3a-9d0f-2b6f5a0c1e77"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "nonsense"], "--from nonsense: not the id of a decision"),
        (["--to", EARLIER.upper()], "not the id of a decision"),
        (["--from", LATER, "--to", EARLIER], "--to names a decision made before the one of --from"),
    ],
)
def test_an_impossible_range_is_a_usage_error(options: list[str], words: str) -> None:
    ended = CliRunner().invoke(app, ["replay-decisions", *options])
    assert ended.exit_code == 2
    assert words in ended.stderr
    assert ended.stdout == ""
