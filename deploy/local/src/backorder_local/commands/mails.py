"""`backorder mails`: what customers would have received."""

import json
from email.message import EmailMessage
from typing import Annotated
from unicodedata import category

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.mail_catcher import caught_mails


def register(app: typer.Typer) -> None:
    """Add `mails`."""
    app.command()(mails)


def mails(
    data_dir: DataDir = None,
    to: Annotated[str | None, typer.Option(help="Only mails to addresses that contain this.")] = None,
    last: Annotated[int, typer.Option(help="How many, the newest.")] = 20,
    full: Annotated[bool, typer.Option(help="Show the text too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the mails that the local mail catcher kept, newest last."""
    caught = caught_mails(data_directory(data_dir).mails)
    chosen = [mail for _, mail in caught if to is None or to in _recipient(mail)][-last:] if last > 0 else []
    if as_json:
        for mail in chosen:
            print(json.dumps(_described(mail)))
        return
    if not chosen:
        print("no mails yet")
    elif full:
        for mail in chosen:
            print(
                f"To: {_recipient(mail)}\nSubject: {shown(str(mail['Subject']))}\nDate: {mail['Date']}\n\n"
                f"{_text(mail)}\n{'-' * 72}"
            )
    else:
        table = Table("date", "to", "subject", box=None, pad_edge=False)
        for mail in chosen:
            row = (str(mail["Date"] or ""), _recipient(mail), str(mail["Subject"] or ""))
            table.add_row(*(Text(shown(cell)) for cell in row))
        Console().print(table)


def _recipient(mail: EmailMessage) -> str:
    return str(mail["X-Envelope-To"] or mail["To"] or "")


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return shown(str(body.get_content())) if body is not None else ""


def shown(text: str) -> str:
    """``text`` without the control characters by which it could steer a terminal."""
    kept = [char if char in "\n\t" or category(char) != "Cc" else "\ufffd" for char in text.replace("\r\n", "\n")]
    return "".join(kept)


def _described(mail: EmailMessage) -> dict[str, str]:
    headers = {name: str(mail[name] or "") for name in ("Date", "Subject", "Message-ID")}
    return {"to": _recipient(mail), **{name.lower(): value for name, value in headers.items()}, "text": _text(mail)}
