"""What the tests of the documentation share: where the pages are, and what they name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("services", "shared", "tools", "deploy", "tests")


def page(name: str) -> str:
    """The text of a page, named from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def python_files(*folders: str) -> list[Path]:
    """All Python files below folders of the repository, in a fixed order."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


@cache
def functions_of(file: Path) -> frozenset[str]:
    """Names of the functions that a module defines, methods included."""
    return frozenset(re.findall(r"^\s*(?:async )?def (\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE))
