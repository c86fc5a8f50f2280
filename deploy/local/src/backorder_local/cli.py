"""`backorder`: run the whole system on one machine, look at it, and try it out."""

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperGroup

GROUP = "backorder.commands"
"""Entry points of installed packages: the command's name and its module, which has ``register(app)``."""

_ORDER = (
    "up", "down", "status", "demo", "replay", "replay-decisions", "simulate", "calibrate", "check", "mails", "keys",
    "doctor",
)  # fmt: skip
"""The order in which `--help` lists the commands known here; others follow by name."""


class CommandModules(TyperGroup):
    """Imports a command when it is wanted: `down` shall not wait for the libraries of `replay`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands that installed packages offer."""
        known = {name: place for place, name in enumerate(_ORDER)}
        return sorted(_modules(), key=lambda name: (known.get(name, len(known)), name))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None if there is none of that name."""
        module = _modules().get(cmd_name)
        if module is None:
            return None
        alone = typer.Typer()
        alone.callback()(lambda: None)  # makes it a group also where it has one command
        import_module(module).register(alone)
        return typer.main.get_group(alone).get_command(ctx, cmd_name)


def _modules() -> dict[str, str]:
    return {each.name: each.value for each in entry_points(group=GROUP)}


app = typer.Typer(
    cls=CommandModules, no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)


@app.callback()
def _main() -> None: ...


if __name__ == "__main__":
    app()
