"""Write what other languages and systems read: JSON Schemas, golden examples and the AsyncAPI document.

``python -m event_contracts.publish`` rewrites the current files. ``--check`` only says whether they
are up to date. ``--release`` also keeps the current schema and example of every changed event as its
next released revision: from then on every later version must be compatible with it, for ever.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from event_contracts.envelope import Event

HOME = Path(__file__).parent
ASYNCAPI_FILE = HOME / "asyncapi.json"
SCHEMAS = HOME / "schemas"
EXAMPLES = HOME / "examples"
RELEASED = HOME / "released"


@cache
def asyncapi_text() -> str:
    """The published AsyncAPI document."""
    return ASYNCAPI_FILE.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Release:
    """One released revision of an event version: its schema and its golden example."""

    event: str
    revision: int
    schema: dict[str, Any]
    example: dict[str, Any]


def released() -> list[Release]:
    """Every revision of every event version that was ever released."""
    found = []
    for folder in sorted(path for path in RELEASED.iterdir() if path.is_dir()):
        for file in sorted(folder.glob("*.schema.json"), key=_revision):
            example = file.with_name(f"{_revision(file)}.example.json")
            found.append(Release(folder.name, _revision(file), _read(file), _read(example)))
    return found


def golden(event: Event) -> dict[str, Any]:
    """An event as a golden file shows it: the record's key, its headers as text, its data."""
    return {
        "key": event.key,
        "headers": {name: value.decode() for name, value in event.headers()},
        "value": json.loads(event.value()),
    }


def current_files() -> Iterator[tuple[Path, str]]:
    """What the current files should hold, by path."""
    # Generating needs every model and example; a service that only serves the document does not.
    from event_contracts.asyncapi import asyncapi_document  # noqa: PLC0415
    from event_contracts.catalog import EVENT_TYPES  # noqa: PLC0415
    from event_contracts.samples import sample_events  # noqa: PLC0415
    from event_contracts.schemas import event_schema  # noqa: PLC0415

    for name, event in sample_events().items():
        event_type = EVENT_TYPES[name]
        file = f"{name}.v{event_type.version}.json"
        yield SCHEMAS / file, _text(event_schema(event_type))
        yield EXAMPLES / file, _text(golden(event))
    yield ASYNCAPI_FILE, _text(asyncapi_document())


def stale_files() -> list[Path]:
    """Files that differ from what the models say, and files that no event belongs to."""
    wanted = dict(current_files())
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    orphans = [path for folder in (SCHEMAS, EXAMPLES) for path in folder.glob("*.json") if path not in wanted]
    return stale + orphans


def write() -> None:
    """Bring the current files up to date."""
    for folder in (SCHEMAS, EXAMPLES):
        folder.mkdir(exist_ok=True)
    wanted = dict(current_files())
    for path in stale_files():
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


def release() -> list[str]:
    """Keep each current schema that differs from its last revision as the next one; returns their names."""
    kept = []
    for schema_file in sorted(SCHEMAS.glob("*.json")):
        folder = RELEASED / schema_file.stem
        folder.mkdir(parents=True, exist_ok=True)
        revisions = sorted(_revision(file) for file in folder.glob("*.schema.json"))
        text = schema_file.read_text(encoding="utf-8")
        if revisions and (folder / f"{revisions[-1]}.schema.json").read_text(encoding="utf-8") == text:
            continue
        number = revisions[-1] + 1 if revisions else 1
        (folder / f"{number}.schema.json").write_text(text, encoding="utf-8")
        example = (EXAMPLES / schema_file.name).read_text(encoding="utf-8")
        (folder / f"{number}.example.json").write_text(example, encoding="utf-8")
        kept.append(f"{schema_file.stem} revision {number}")
    return kept


def _revision(file: Path) -> int:
    return int(file.name.split(".", 1)[0])


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """The command line; exit status 1 where ``--check`` finds a stale file."""
    parser = argparse.ArgumentParser(prog="python -m event_contracts.publish", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is not up to date")
    parser.add_argument("--release", action="store_true", help="keep changed schemas as released revisions")
    options = parser.parse_args(arguments)
    if options.check:
        stale = stale_files()
        for path in stale:
            sys.stderr.write(f"not up to date: {path.relative_to(HOME)}\n")
        return 1 if stale else 0
    write()
    if options.release:
        for name in release():
            sys.stdout.write(f"released {name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
