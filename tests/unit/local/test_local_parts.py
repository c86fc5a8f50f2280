"""The parts of a local system are started on their own ports only."""

import socket
from pathlib import Path

import pytest

from backorder_local.data_directory import DataDirectory
from backorder_local.local_parts import LocalSystem, Options
from backorder_local.ports import LOOPBACK, free_port


def test_a_port_that_another_program_has_taken_is_named_before_that_program_answers_for_the_part(tmp_path: Path):
    port = free_port()
    ports = {"smtp": port, "payments": free_port(avoid=frozenset({port}))}
    options = Options(ports=ports, postgres_url="postgresql://x", kafka_bootstrap="x:1", run_services=False)
    [mail] = [part for part in LocalSystem(DataDirectory(tmp_path), options).parts() if part.name == "mail"]
    assert mail.prepare().name == "mail"
    with socket.create_server((LOOPBACK, port)), pytest.raises(OSError, match=f"another program has taken port {port}"):
        mail.prepare()
