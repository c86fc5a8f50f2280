"""Protocol rule 17, docs/protocol.md: a frozen worker's locks end before its partitions are given away."""

from pathlib import Path

import pytest

from service_kit.runtime.settings import ServiceSettings


@pytest.mark.parametrize("session_timeout", [1, 10, 300])
def test_a_transaction_is_ended_before_its_partitions_go_to_another(session_timeout: float) -> None:
    settings = ServiceSettings(
        database_url="postgresql://nowhere",
        kafka_bootstrap="nowhere:1",
        keyring_path=Path("keyring.json"),
        kafka_session_timeout=session_timeout,
    )
    assert 0 < settings.idle_in_transaction < settings.kafka_session_timeout
