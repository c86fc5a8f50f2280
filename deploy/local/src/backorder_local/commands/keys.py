"""`backorder keys`: who may call the services."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from backorder_local.commands.options import DataDir, data_directory
from service_kit.http.api_keys import SCOPES, Keyring, KeyringError

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys; running services notice at once.")


def register(app: typer.Typer) -> None:
    """Add `keys create`, `keys list` and `keys revoke`."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="May be given several times. Default: every scope.", show_default=False)
    ] = None,
    customer_id: Annotated[str | None, typer.Option(help="Bind the key to this customer's orders.")] = None,
    days: Annotated[float | None, typer.Option(help="The key expires after so many days.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it. It is stored hashed only: this is the one time it is shown."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    try:
        secret, key = Keyring(data_directory(data_dir).keyring).create_key(
            name, scope or sorted(SCOPES), customer_id=customer_id, expires_at=expires_at
        )
    except KeyringError as refused:
        raise SystemExit(str(refused)) from None
    typer.echo(f"{key.id}  {name}  {' '.join(key.scopes)}", err=True)
    print(secret)


@keys.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """List all keys, revoked and expired ones too."""
    table = Table("id", "name", "state", "scopes", "customer", box=None, pad_edge=False)
    now = datetime.now(UTC)
    for key in Keyring(data_directory(data_dir).keyring).list_keys():
        state = "revoked" if key.revoked_at else "active" if key.active(now) else "expired"
        scopes = "all" if set(key.scopes) == SCOPES else " ".join(key.scopes)
        table.add_row(key.id, key.name, state, scopes, key.customer_id or "")
    Console().print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")], data_dir: DataDir = None
) -> None:
    """Stop a key from opening anything, for good."""
    try:
        revoked = Keyring(data_directory(data_dir).keyring).revoke(key_id)
    except KeyringError as refused:
        raise SystemExit(str(refused)) from None
    print(f"{revoked.id} ({revoked.name}) is revoked")
