"""`backorder keys`: who may call the services."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from backorder_local.commands.options import DataDir, data_directory
from service_kit.http.api_keys import DEFAULT_LIFETIME, SCOPES, ApiKey, Keyring, KeyringError

KeyringFile = Annotated[
    Path | None,
    typer.Option(
        "--keyring", help="Another keyring, such as deploy/docker/secrets/keyring/keyring.json.", show_default=False
    ),
]

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys; running services notice at once.")


def register(app: typer.Typer) -> None:
    """Add `keys create`, `keys list` and `keys revoke`."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[
        list[str] | None, typer.Option(help="What the key may do; give it once for each scope.", show_default=False)
    ] = None,
    customer_id: Annotated[str | None, typer.Option(help="Bind the key to this customer's orders.")] = None,
    days: Annotated[float | None, typer.Option(min=0, help="The same as --expires, in days.")] = None,
    expires: Annotated[
        str | None,
        typer.Option(help=f"A day such as 2027-06-30, or never. Default: after {DEFAULT_LIFETIME.days} days."),
    ] = None,
    data_dir: DataDir = None,
    keyring: KeyringFile = None,
) -> None:
    """Make a key and print it. It is stored hashed only: this is the one time it is shown."""
    try:
        secret, key = _keyring(data_dir, keyring).create_key(
            name, scope or [], customer_id=customer_id, expires_at=expiry_of(expires, days, datetime.now(UTC))
        )
    except KeyringError as refused:
        raise SystemExit(str(refused)) from None
    typer.echo(f"{key.id}  {name}  {' '.join(key.scopes)}  {_until(key)}", err=True)
    print(secret)


def _keyring(data_dir: Path | None, file: Path | None) -> Keyring:
    return Keyring(file or data_directory(data_dir).keyring)


def expiry_of(expires: str | None, days: float | None, now: datetime) -> datetime | Literal["never"] | None:
    """The expiry that the options name: an instant, ``"never"``, or None for the default.

    A day ends in UTC. Raises KeyringError for words that are no day, and for a day that is over.
    """
    if expires is not None and days is not None:
        raise KeyringError("give --expires or --days, not both")
    if days is not None:
        return now + timedelta(days=days)
    if expires is None:
        return None
    if expires == "never":
        return "never"
    try:
        end = datetime.combine(date.fromisoformat(expires), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise KeyringError("--expires takes a day such as 2027-06-30, or never") from None
    if end <= now:
        raise KeyringError("--expires names a day that is over")
    return end


def _until(key: ApiKey) -> str:
    return "never expires" if key.expires_at is None else f"expires {key.expires_at:%Y-%m-%d %H:%M} UTC"


@keys.command("list")
def list_keys(data_dir: DataDir = None, keyring: KeyringFile = None) -> None:
    """List all keys, revoked and expired ones too."""
    table = Table("id", "name", "state", "expires", "scopes", "customer", box=None, pad_edge=False)
    now = datetime.now(UTC)
    for key in _keyring(data_dir, keyring).list_keys():
        scopes = "all" if set(key.scopes) == SCOPES else " ".join(key.scopes)
        expires = "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d}"
        table.add_row(key.id, key.name, _state(key, now), expires, scopes, key.customer_id or "")
    Console().print(table)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    if not key.active(now):
        return "expired"
    return "refused" if key.principal().scopes_beyond_binding else "active"


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")],
    data_dir: DataDir = None,
    keyring: KeyringFile = None,
) -> None:
    """Stop a key from opening anything, for good."""
    try:
        revoked = _keyring(data_dir, keyring).revoke(key_id)
    except KeyringError as refused:
        raise SystemExit(str(refused)) from None
    print(f"{revoked.id} ({revoked.name}) is revoked")
