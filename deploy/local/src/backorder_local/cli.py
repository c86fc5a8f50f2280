"""`backorder`: run the whole system on one machine, look at it, and try it out."""

from importlib import import_module
from importlib.util import find_spec

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)

# In the order in which `--help` lists them; each is `backorder_local.commands.NAME` with `register(app)`.
_COMMANDS = ("up", "down", "status", "demo", "replay", "check", "mails", "keys", "doctor")

for _name in _COMMANDS:
    _module = f"backorder_local.commands.{_name}"
    if find_spec(_module) is not None:
        import_module(_module).register(app)


if __name__ == "__main__":
    app()
