"""`backorder up` and `down` for real, as a person types them: PostgreSQL, Kafka and the mail catcher."""

import asyncio
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from backorder_local.data_directory import DataDirectory
from backorder_local.devservers import ServerPair
from backorder_local.ports import LOOPBACK, is_free
from backorder_local.private_files import read_json
from backorder_local.running import NotRunning, RunningSystem, running_system

BACKORDER = Path(sys.executable).with_name("backorder")


def backorder(directory: Path, *arguments: str, within: float = 90) -> subprocess.CompletedProcess[str]:
    command = [str(BACKORDER), *arguments, "--data-dir", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)


@pytest.fixture(scope="module")
def home(module_place: Path) -> Iterator[Path]:
    directory = module_place / "data"
    started = backorder(directory, "up", "--detach", "--servers-only")
    assert started.returncode == 0, started.stdout + started.stderr
    yield directory
    backorder(directory, "down")


@contextmanager
def closing_pair(directory: Path) -> Iterator[ServerPair]:
    pair = ServerPair(directory)
    pair.start()
    try:
        yield pair
    finally:
        pair.stop()


def process_ids(directory: Path) -> dict[str, int]:
    parts = read_json(DataDirectory(directory).parts)["parts"]
    return {part["name"]: part["pid"] for part in parts if part["pid"] is not None}


def family(directory: Path) -> list[psutil.Process]:
    """The supervisor, its children and theirs."""
    supervisor = DataDirectory(directory).holder()
    assert supervisor is not None
    process = psutil.Process(supervisor)
    return [process, *process.children(recursive=True)]


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are not on their way out: one that was killed takes a moment to be gone."""
    _, alive = psutil.wait_procs(processes, timeout=10)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


async def write_a_row_and_a_message(system: RunningSystem) -> int:
    connection = await asyncpg.connect(system.admin_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (text text); INSERT INTO kept VALUES ('a row')")
    await connection.close()
    async with AIOKafkaProducer(bootstrap_servers=system.kafka_bootstrap) as producer:
        return int((await producer.send_and_wait("orders", b"a message", partition=0)).offset)


async def find_them_again(system: RunningSystem, offset: int) -> None:
    connection = await asyncpg.connect(system.admin_url)
    assert await connection.fetchval("SELECT text FROM kept") == "a row"
    await connection.close()
    async with AIOKafkaConsumer(bootstrap_servers=system.kafka_bootstrap) as consumer:
        place = TopicPartition("orders", 0)
        consumer.assign([place])
        consumer.seek(place, offset)
        assert (await asyncio.wait_for(consumer.getone(), 10)).value == b"a message"


def test_everything_is_kept_in_files_that_only_their_owner_reads(home: Path) -> None:
    directory = DataDirectory(home)
    assert directory.api_key.read_text().startswith("bo_live_")
    for path in (directory.api_key, directory.keyring, directory.addresses, directory.parts, directory.logs):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_second_start_is_refused_with_the_remedy(home: Path) -> None:
    second = backorder(home, "up", "--detach", "--servers-only")
    assert second.returncode == 1
    assert "backorder down" in second.stderr


def test_status_shows_each_part(home: Path) -> None:
    shown = json.loads(backorder(home, "status", "--json").stdout)
    parts = {part["name"]: part for part in shown["parts"]}
    for name in ("postgres", "kafka", "mail", "payments"):
        assert parts[name]["state"] == "healthy"
        assert parts[name]["memory_mb"] > 5
        assert parts[name]["port"]
    assert "kafka" in backorder(home, "status").stdout


def test_mails_are_caught_and_shown(home: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.org", "list@example.org", "Your pump: Freitag ✓"
    message.set_content("It has arrived.")
    with smtplib.SMTP(LOOPBACK, running_system(home).smtp_port) as server:
        server.send_message(message, to_addrs=["ann@example.org"])
    caught = json.loads(backorder(home, "mails", "--json", "--to", "ann@").stdout)
    assert caught["to"] == "ann@example.org", "whom it was really for, not what its header says"
    assert caught["subject"] == "Your pump: Freitag ✓"
    assert "It has arrived." in backorder(home, "mails", "--full").stdout
    assert "no mails yet" in backorder(home, "mails", "--to", "nobody@").stdout


def test_payments_are_simulated_for_whoever_has_the_key(home: Path) -> None:
    system = running_system(home)

    def pay(key: str) -> httpx.Response:
        form = {"amount": "1000", "currency": "eur", "payment_method": "pm_card_visa"}
        form |= {"confirm": "true", "off_session": "true"}
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{system.payment_simulator_url}/v1/payment_intents"
        return httpx.post(url, data=form, headers=headers, trust_env=False)

    assert pay(system.payment_simulator_key).json()["status"] == "succeeded"
    assert pay("sk_test_other").status_code == 401
    remembered = DataDirectory(home).payments
    assert remembered.stat().st_mode & 0o077 == 0, "only its owner reads it"


def test_keys_are_made_listed_and_revoked(home: Path) -> None:
    made = backorder(home, "keys", "create", "webshop", "--scope", "orders:write")
    assert made.stdout.startswith("bo_live_")
    key_id = made.stderr.split()[0]
    assert made.stdout.strip() not in DataDirectory(home).keyring.read_text(), "kept hashed only"
    assert backorder(home, "keys", "revoke", key_id).returncode == 0
    assert "revoked" in backorder(home, "keys", "list").stdout
    wrong = backorder(home, "keys", "create", "webshop", "--scope", "orders:eat")
    assert wrong.returncode == 1
    assert "orders:write" in wrong.stderr, "says which scopes there are"


@pytest.mark.parametrize("part", ["postgres", "kafka", "mail"])
def test_a_killed_part_comes_back_on_its_address(home: Path, part: str) -> None:
    system, before = running_system(home), process_ids(home)[part]
    offset = asyncio.run(write_a_row_and_a_message(system))
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 30
    healthy = False
    while not healthy and time.monotonic() < deadline:
        time.sleep(0.1)
        parts = {shown["name"]: shown for shown in read_json(DataDirectory(home).parts)["parts"]}
        healthy = parts[part]["state"] == "healthy" and parts[part]["pid"] != before
    assert healthy
    assert parts[part]["restarts"] == 1
    assert "signal 9" in parts[part]["last_end"]
    asyncio.run(find_them_again(system, offset))


def test_down_and_up_loses_nothing(home: Path) -> None:
    key = DataDirectory(home).api_key.read_text()
    offset = asyncio.run(write_a_row_and_a_message(running_system(home)))
    processes = family(home)
    stopped = backorder(home, "down")
    assert "stopped" in stopped.stdout
    assert still_there(processes) == []
    with pytest.raises(NotRunning):
        running_system(home)
    assert backorder(home, "down").stdout.startswith("nothing runs")
    assert backorder(home, "status").returncode == 3
    assert backorder(home, "up", "--detach", "--servers-only").returncode == 0
    asyncio.run(find_them_again(running_system(home), offset))
    assert DataDirectory(home).api_key.read_text() == key


def test_kill_9_of_the_supervisor_leaves_nothing_and_up_resumes(home: Path) -> None:
    offset = asyncio.run(write_a_row_and_a_message(running_system(home)))
    processes = family(home)
    os.kill(processes[0].pid, signal.SIGKILL)
    # Started again at once, while PostgreSQL may still be on its way out.
    assert backorder(home, "up", "--detach", "--servers-only").returncode == 0
    assert still_there(processes) == []
    asyncio.run(find_them_again(running_system(home), offset))


def _as_from_a_terminal() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("after", [0.1, 0.6, 1.2, 2.0])
def test_ctrl_c_at_any_moment_of_the_start_stops_everything(place: Path, after: float) -> None:
    command = [str(BACKORDER), "up", "--servers-only", "--data-dir", str(place / "data")]
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, preexec_fn=_as_from_a_terminal)  # noqa: PLW1509
    time.sleep(after)  # the moment itself is what is tried here
    processes = []
    with suppress(psutil.NoSuchProcess):
        processes = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    finally:
        if process.poll() is None:
            # Whatever does not stop fails the test, and is not left to run on.
            for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                one.kill()
    assert still_there(processes) == []
    assert DataDirectory(place / "data").holder() is None


def test_a_busy_port_is_named_with_the_remedy(place: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        base = server.getsockname()[1] - 1
        refused = backorder(place / "data", "up", "--detach", "--port-base", str(base))
    assert refused.returncode == 1
    assert f"{base + 1} (order)" in refused.stderr
    assert "--free-ports" in refused.stderr
    assert is_free(base + 1)


def test_the_doctor_names_what_it_looked_at(place: Path) -> None:
    said = backorder(place / "data", "doctor").stdout
    for subject in ("Python", "PostgreSQL", "Java", "Kafka", "memory", "disk"):
        assert subject in said


def test_servers_of_ones_own_are_used_and_left_running(place: Path) -> None:
    with closing_pair(place / "servers") as pair:
        own = ("--postgres-url", pair.postgres.url, "--kafka-bootstrap", pair.kafka.bootstrap)
        directory = place / "data"
        started = backorder(directory, "up", "--detach", "--servers-only", *own)
        assert started.returncode == 0, started.stdout
        system = running_system(directory)
        assert set(process_ids(directory)) == {"mail", "payments"}
        offset = asyncio.run(write_a_row_and_a_message(system))
        backorder(directory, "down")
        asyncio.run(find_them_again(system, offset))


@pytest.mark.parametrize(
    ("option", "address"),
    [
        ("--postgres-url", "postgresql://me:hidden@127.0.0.1:9/postgres"),
        ("--postgres-url", "nonsense"),
        ("--kafka-bootstrap", "127.0.0.1:9"),
        ("--kafka-bootstrap", "nonsense"),
    ],
)
def test_a_server_that_does_not_answer_is_told_before_anything_starts(place: Path, option: str, address: str) -> None:
    refused = backorder(place / "data", "up", "--detach", "--servers-only", option, address)
    assert refused.returncode == 1
    assert option in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    assert "hidden" not in refused.stderr
    assert not DataDirectory(place / "data").parts.exists()
