"""What `backorder replay-decisions` says to a range that cannot be meant: no system need be up."""

import pytest
from typer.testing import CliRunner

from backorder_local.cli import app

EARLIER, LATER = "0198a3c4-5b1e-7c3a-9d0f-2b6f5a0c1e77", "0198a3c4-5b1f-7c3a-9d0f-2b6f5a0c1e77"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "nonsense"], "--from nonsense: this is no decision's id"),
        (["--to", EARLIER.upper()], "this is no decision's id"),
        (["--from", LATER, "--to", EARLIER], "--to names a decision that was made before that of --from"),
    ],
)
def test_a_range_that_cannot_be_meant_is_a_usage_error(options: list[str], words: str) -> None:
    ended = CliRunner().invoke(app, ["replay-decisions", *options])
    assert ended.exit_code == 2
    assert words in ended.stderr
    assert ended.stdout == ""
