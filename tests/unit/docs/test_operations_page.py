"""docs/operations.md has every scope, every command and every make target that help lists."""

import re
from importlib.metadata import entry_points

from tests.unit.docs.pages import page

from backorder_local.cli import GROUP
from service_kit.http.api_keys import SCOPES

PAGE = page("docs/operations.md")


def test_every_scope_is_explained():
    assert {scope for scope in SCOPES if f"`{scope}`" not in PAGE} == set()


def test_every_command_of_backorder_is_listed():
    commands = {command.name for command in entry_points(group=GROUP)}
    assert "replay-decisions" in commands
    assert {name for name in commands if not re.search(rf"`{name}\b", PAGE)} == set()


def test_every_make_target_with_a_description_is_listed():
    targets = re.findall(r"^([a-z-]+):.* ## ", page("Makefile"), re.MULTILINE)
    assert "chaos" in targets
    assert {name for name in targets if f"`make {name}`" not in PAGE} <= {"help", "bootstrap"}
