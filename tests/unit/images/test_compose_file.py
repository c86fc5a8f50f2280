"""The compose file is hardened throughout, and every name in it means something to what it starts."""

import importlib
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from allocation_service.config import AllocationSettings
from backorder_local.topics import CONSUMED, PARTITIONS, TOPICS
from inventory_service.config import InventorySettings
from notification_service.config import NotificationSettings
from order_service.config import OrderSettings
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.runtime.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS: dict[str, type[ServiceSettings]] = {
    settings.service_name: settings
    for settings in (OrderSettings, InventorySettings, AllocationSettings, NotificationSettings)
}
PROGRAMS = [(service, role) for service in SETTINGS for role in ("api", "worker")]
# Images with neither a shell nor a client inside, and jobs, which are known by how they end.
_NOBODY_TO_ASK = {"otel-collector", "tempo", "topics", *(f"{service}-migrate" for service in SETTINGS)}

every_container = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
every_program = pytest.mark.parametrize(("service", "role"), PROGRAMS, ids=[f"{s}-{r}" for s, r in PROGRAMS])


@every_container
def test_no_container_is_root_or_writes_where_it_should_not(container: dict[str, Any]) -> None:
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]
    assert container["user"].partition(":")[0] not in ("", "0", "root")
    assert not container.get("privileged")
    assert "cap_add" not in container


@every_container
def test_every_image_has_an_exact_version_or_is_built_here(container: dict[str, Any]) -> None:
    name, _, tag = container["image"].partition(":")
    if "build" in container:
        assert name.startswith("backorder/")
    else:
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_that_can_be_asked_is_asked_how_it_is(name: str) -> None:
    check = CONTAINERS[name]["healthcheck"]
    assert (check == {"disable": True}) == (name in _NOBODY_TO_ASK)


@every_container
def test_every_container_has_the_secrets_files_volumes_and_networks_that_it_names(container: dict[str, Any]) -> None:
    for secret in container.get("secrets", ()):
        assert (secret["source"] if isinstance(secret, dict) else secret) in COMPOSE["secrets"]
    assert set(container["networks"]) <= COMPOSE["networks"].keys()
    for volume in container.get("volumes", ()):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@every_container
def test_waiting_for_health_is_waiting_for_something_that_tells_it(container: dict[str, Any]) -> None:
    for name, wait in container.get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert CONTAINERS[name]["healthcheck"].get("test")
        if wait["condition"] == "service_completed_successfully":
            assert CONTAINERS[name]["restart"].startswith("on-failure")


def test_ports_are_open_to_this_machine_only_and_to_no_database_or_broker() -> None:
    open_ports = {name: port for name, container in CONTAINERS.items() for port in container.get("ports", ())}
    assert all(port.startswith("127.0.0.1:") for port in open_ports.values())
    assert {f"{service}-api" for service in SETTINGS} <= open_ports.keys()
    assert not {"kafka", "postgres"} & open_ports.keys()
    assert COMPOSE["networks"]["data"]["internal"] is True
    # A port cannot be reached from outside by a container that is on the inner network alone.
    assert all("edge" in CONTAINERS[name]["networks"] for name in open_ports)


def _secret_targets(container: dict[str, Any]) -> dict[str, str]:
    """File name inside the container → the secret's name."""
    secrets: list[str | dict[str, str]] = container.get("secrets", [])
    named = [secret if isinstance(secret, dict) else {"source": secret} for secret in secrets]
    return {secret.get("target") or secret["source"]: secret["source"] for secret in named}


@every_program
def test_what_a_program_is_given_is_what_its_settings_read(
    service: str, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, settings_type = CONTAINERS[f"{service}-{role}"], SETTINGS[service]
    prefix = f"{service.upper()}_"
    given = {
        **container["environment"],
        **dict.fromkeys(_secret_targets(container).keys() - {"keyring.json"}, "secret"),
    }
    assert {name.lower().removeprefix(prefix.lower()) for name in given} <= settings_type.model_fields.keys()

    for name, value in container["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)}", r"\1", value))
    for target in _secret_targets(container):
        (tmp_path / target).write_text(f"from file {target}\n")
    settings = settings_type(_secrets_dir=tmp_path)

    assert settings.role == role
    assert settings.database_url == f"from file {service}_database_url"
    assert settings.migration_database_url is None, "a running service has no owner's password"
    assert settings.kafka_security_protocol == "SASL_PLAINTEXT"
    assert settings.kafka_sasl_username == service
    assert settings.kafka_sasl_password == f"from file {service}_kafka_sasl_password"
    assert settings.port == 8000
    assert settings.host == "0.0.0.0"  # noqa: S104 - inside a container
    assert not settings.local_mode
    assert settings.otlp_endpoint is None


@every_program
def test_a_variable_wins_over_a_mounted_file(
    service: str, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{service}_database_url").write_text("from file")
    for name in ("KAFKA_BOOTSTRAP", "KEYRING_PATH", "DATABASE_URL"):
        monkeypatch.setenv(f"{service.upper()}_{name}", "from variable")
    assert SETTINGS[service](_secrets_dir=tmp_path).database_url == "from variable"


@every_program
def test_a_program_starts_after_its_database_is_ready_and_a_worker_after_the_topics(service: str, role: str) -> None:
    waits = CONTAINERS[f"{service}-{role}"]["depends_on"]
    assert waits[f"{service}-migrate"] == {"condition": "service_completed_successfully"}
    assert ("topics" in waits) == (role == "worker")
    assert "kafka" not in waits, "an API takes orders while the broker is away"


def test_the_broker_is_told_what_the_services_really_read_and_write() -> None:
    access = json.loads((ROOT / "deploy/kafka/access.json").read_text())
    assert tuple(access["topics"]) == TOPICS
    assert access["partitions"] == PARTITIONS
    assert {service: set(duties["reads"]) for service, duties in access["services"].items()} == {
        service: set(topics) for service, topics in CONSUMED.items()
    }
    written = [topic for duties in access["services"].values() for topic in duties["writes"]]
    assert sorted(written) == sorted(TOPICS), "each topic has one writer"


@pytest.mark.parametrize("service", SETTINGS)
def test_the_table_of_readers_is_what_a_service_subscribes_to(service: str) -> None:
    settings = SETTINGS[service](
        database_url="postgresql+asyncpg://nobody@localhost/none", kafka_bootstrap="none:1", keyring_path=Path("none")
    )
    subscription = importlib.import_module(f"{service}_service.entrypoints.service").build(settings).subscription
    assert {topic.value for topic in subscription.topics} == set(CONSUMED[service])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("made") / "secrets"
    _make_secrets(directory)
    return directory


def _make_secrets(directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/docker/make-secrets", "--directory", directory],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_every_secret_of_the_file_is_made_by_the_script(made: Path) -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"] == f"deploy/docker/secrets/{name}"
        assert (made / name).read_text().strip()


def test_secrets_are_made_once_for_their_owner_and_all_differ(made: Path) -> None:
    before = {file.name: file.read_text() for file in made.iterdir()}
    assert "nothing" in _make_secrets(made)
    assert {file.name: file.read_text() for file in made.iterdir()} == before
    assert made.stat().st_mode & 0o777 == 0o700
    passwords = [text for name, text in before.items() if name.endswith("password")]
    assert len(set(passwords)) == len(passwords)


def test_the_first_key_opens_every_door(made: Path) -> None:
    key = Keyring(made / "keyring.json").find((made / "api_key").read_text())
    assert key is not None
    assert set(key.scopes) == SCOPES


def test_secrets_are_kept_out_of_the_repository_and_of_the_build() -> None:
    assert "secrets/" in (ROOT / "deploy/docker/.gitignore").read_text().split()
    lines = (ROOT / "deploy/docker/Dockerfile.dockerignore").read_text().splitlines()
    sent = [line for line in lines if line and not line.startswith(("#", "**"))]
    assert sent[0] == "*", "nothing is sent to the builder but what follows"
    assert not [line for line in sent if "secret" in line]


def test_the_image_knows_every_member_of_the_workspace() -> None:
    recipe = (ROOT / "deploy/docker/Dockerfile").read_text()
    members = [*ROOT.glob("services/*/pyproject.toml"), *ROOT.glob("shared/*/pyproject.toml")]
    for member in (*members, ROOT / "deploy/local/pyproject.toml"):
        assert f"COPY {member.relative_to(ROOT)} {member.parent.relative_to(ROOT)}/" in recipe
    assert re.search(r"^USER 10001:10001$", recipe, re.MULTILINE)
    bootstrap = runpy.run_path(str(ROOT / "scripts/bootstrap"))
    assert f"UV_VERSION={bootstrap['UV_VERSION']}" in recipe, "the same uv as everywhere"
