"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from backorder_local.data_directory import DataDirectory, default_root

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="BACKORDER_DATA_DIR",
        help="Where the system keeps everything. Default: .backorder of the current project.",
        show_default=False,
    ),
]


def misused(words: object) -> SystemExit:
    """The end of a command that was asked for something it cannot mean: words on standard error, exit code 2."""
    typer.echo(str(words), err=True)
    return SystemExit(2)


def data_directory(chosen: Path | None) -> DataDirectory:
    """The directory that the user means."""
    return DataDirectory((chosen or default_root()).resolve())
