"""`backorder`: run the whole system on one machine, look at it, and try it out."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

# In the order in which `--help` lists them; each is `backorder_local.commands.NAME` with `register(app)`
# (a dash in a command is an underscore in its module's name).
_COMMANDS = (
    "up",
    "down",
    "status",
    "demo",
    "replay",
    "replay-decisions",
    "simulate",
    "check",
    "mails",
    "keys",
    "doctor",
)


class CommandModules(TyperGroup):
    """Imports a command when it is wanted: `down` shall not wait for the libraries of `replay`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands that are installed."""
        return [name for name in _COMMANDS if find_spec(_module(name)) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None if there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        alone = typer.Typer()
        alone.callback()(lambda: None)  # makes it a group also where it has one command
        import_module(_module(cmd_name)).register(alone)
        return typer.main.get_group(alone).get_command(ctx, cmd_name)


def _module(name: str) -> str:
    return f"backorder_local.commands.{name.replace('-', '_')}"


app = typer.Typer(
    cls=CommandModules, no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)


@app.callback()
def _main() -> None: ...


if __name__ == "__main__":
    app()
