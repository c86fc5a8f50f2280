"""`backorder down`: stop everything."""

import os
import signal
from contextlib import suppress
from typing import Annotated

import typer

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.leftovers import end_leftovers
from backorder_local.private_files import read_json


def register(app: typer.Typer) -> None:
    """Add `down`."""
    app.command()(down)


def down(
    data_dir: DataDir = None,
    within: Annotated[float, typer.Option(help="Seconds for an orderly stop; after that everything is killed.")] = 45,
) -> None:
    """Stop everything that `up` started. The data stay: `up` goes on where it was."""
    directory = data_directory(data_dir)
    supervisor = directory.holder()
    if supervisor is None:
        ended = end_leftovers(read_json(directory.parts).get("parts", []))
        print(f"ended {len(ended)} processes that were left behind" if ended else f"nothing runs in {directory.root}")
        return
    with suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
        os.kill(supervisor, signal.SIGCONT)
    if not directory.wait_until_released(within):
        print(f"the supervisor did not end within {within:.0f} s: killing everything")
        with suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGKILL)
        directory.wait_until_released(5)
        end_leftovers(read_json(directory.parts).get("parts", []))
    print("everything is stopped")
