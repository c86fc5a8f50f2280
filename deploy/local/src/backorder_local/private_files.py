"""Files that only their owner may read: passwords, keys, remembered settings."""

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; it never exists half-written or readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file; an empty one if there is no file."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, value: object) -> None:
    """Store the value as JSON, readable by the owner only."""
    write_private(path, json.dumps(value, indent=2) + "\n")


def remembered_secret(path: Path) -> str:
    """The secret kept in the file, made at the first call."""
    if path.exists():
        return path.read_text().strip()
    secret = secrets.token_urlsafe(24)
    write_private(path, secret + "\n")
    return secret
