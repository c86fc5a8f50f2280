"""Places to run a system in."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def _place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="backorder-local-"))
    # As root the database runs under another account, which pytest's own directories would keep out.
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


place = pytest.fixture(_place)
"""A directory of one test, through which every account may pass, gone afterwards."""

module_place = pytest.fixture(_place, scope="module")
