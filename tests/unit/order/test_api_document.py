"""The API's document is the same whichever process makes it, so that two of them can be compared."""

import os
import subprocess
import sys
import textwrap

_PRINT_RESPONSES = textwrap.dedent(
    """
    import json
    from pathlib import Path

    from order_service.config import OrderSettings
    from order_service.entrypoints.service import build
    from service_kit.http.app import create_app

    settings = OrderSettings(
        database_url="postgresql+asyncpg://nobody@localhost/none", kafka_bootstrap="none:1", keyring_path=Path("none")
    )
    print(json.dumps(create_app(build(settings)).openapi()))
    """
)


def test_the_document_does_not_depend_on_the_seed_of_hashes() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PRINT_RESPONSES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate(timeout=120)[0] for process in processes)
    assert first.startswith('{"openapi"')
    assert first == second
