"""What a service knows of its migrations without Alembic is what Alembic knows."""

import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory

from service_kit.persistence.migration_check import _revisions
from service_kit.persistence.migrations import alembic_config


@pytest.mark.parametrize("name", ["order", "inventory", "allocation", "notification"])
def test_head_and_revisions_are_alembics(name: str) -> None:
    module = f"{name}_service"
    scripts = ScriptDirectory.from_config(alembic_config(module, ""))
    head, known = _revisions(module)
    assert head == scripts.get_current_head()
    assert known == {script.revision for script in scripts.walk_revisions()}


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        _revisions("nowhere")


def test_asking_does_not_load_alembic() -> None:
    asked = "from service_kit.persistence.migration_check import _revisions; _revisions('order_service')"
    told = "import sys; print([name for name in sys.modules if name.startswith(('alembic', 'mako'))])"
    done = subprocess.run([sys.executable, "-c", f"{asked}; {told}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
