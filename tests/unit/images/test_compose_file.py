"""The compose file is hardened throughout, and every name in it means something to what it starts."""

import importlib
import json
import re
import runpy
import subprocess
import sys
from fnmatch import fnmatch
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
from service_kit.http.app import create_app
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
            assert (ROOT / source).exists() or source.startswith("./deploy/docker/secrets/")
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
    assert {"proxy", *(f"{service}-api" for service in SETTINGS)} <= open_ports.keys()
    assert not {"kafka", "postgres"} & open_ports.keys()
    # A port cannot be reached from outside by a container that is on inner networks alone.
    assert all({"edge", "console"} & set(CONTAINERS[name]["networks"]) for name in open_ports)


INNER = {"broker", "database", "mail", "watch"}


def test_each_server_is_on_a_network_with_those_who_use_it_only() -> None:
    on = {
        network: {name for name, one in CONTAINERS.items() if network in one["networks"]}
        for network in COMPOSE["networks"]
    }
    programs = {f"{service}-{role}" for service, role in PROGRAMS}
    assert {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")} == INNER
    assert on["broker"] == {"kafka", "topics"} | programs
    assert on["database"] == {"postgres"} | programs | {f"{service}-migrate" for service in SETTINGS}
    assert on["mail"] == {"mailpit", "notification-worker"}
    assert on["edge"] == {"proxy"} | {f"{service}-api" for service in SETTINGS}
    assert on["out"] == {"notification-worker", "order-worker"}, "webhooks, mail and payments go out, nothing else does"
    assert set(CONTAINERS["kafka"]["networks"]) == {"broker"}
    assert set(CONTAINERS["postgres"]["networks"]) == {"database"}


def _edge_subnet() -> str:
    [part] = COMPOSE["networks"]["edge"]["ipam"]["config"]
    return str(part["subnet"])


def test_the_proxy_knows_every_public_route_and_nothing_that_is_for_operators() -> None:
    text = (ROOT / "deploy/proxy/Caddyfile").read_text()
    routed = {name: paths.split() for name, paths in re.findall(r"^\t@(\w+) path (.+)$", text, re.MULTILINE)}
    assert routed.keys() == SETTINGS.keys()
    for service, settings_type in SETTINGS.items():
        settings = settings_type(
            database_url="postgresql+asyncpg://nobody@localhost/none",
            kafka_bootstrap="none:1",
            keyring_path=Path("none"),
        )
        built = importlib.import_module(f"{service}_service.entrypoints.service").build(settings)
        public = {path for path in create_app(built).openapi()["paths"] if path.startswith("/v1/")}
        for path in public:
            matching = [name for name, patterns in routed.items() if any(fnmatch(path, one) for one in patterns)]
            assert matching == ([] if path.startswith("/v1/parked-") else [service]), path
    for hidden in ("/metrics", "/readyz", "/openapi.json", "/v1/parked-keys/x/replay"):
        assert not [one for patterns in routed.values() for one in patterns if fnmatch(hidden, one)]


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_servers_speak_tls_with_certificates_of_the_installation(name: str) -> None:
    secrets = set(CONTAINERS[name]["secrets"])
    if name == "kafka":
        properties = (ROOT / "deploy/kafka/server.properties").read_text()
        assert "CLIENTS:SASL_SSL" in properties
        assert {"ca.pem", "kafka.pem"} <= secrets
    else:
        assert {"-cssl=on", "-cssl_cert_file=/run/secrets/postgres_certificate.pem"} <= set(CONTAINERS[name]["command"])
        assert {"postgres_certificate.pem", "postgres_key.pem"} <= secrets
        assert "hostssl" in (ROOT / "deploy/postgres/init/10-databases.sh").read_text()


def test_the_databases_take_no_password_in_the_clear(tmp_path: Path) -> None:
    """The line that the image writes for the world outside, after our script."""
    hba = tmp_path / "pg_hba.conf"
    lines = ("local all all trust", "host    all   all  127.0.0.1/32  scram-sha-256", "host all all all scram-sha-256")
    hba.write_text("\n".join(lines) + "\n")
    script = (ROOT / "deploy/postgres/init/10-databases.sh").read_text()
    last = script[script.index("# From outside by TLS only") :]
    subprocess.run(["sh", "-c", last], env={"PGDATA": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert hba.read_text().splitlines() == [*lines[:2], "hostssl all all all scram-sha-256"]


def test_the_database_servers_key_is_its_own_and_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "postgres_key.pem").write_text("key")
    environment = {
        "BACKORDER_POSTGRES_SECRETS": str(tmp_path),
        "BACKORDER_POSTGRES_KEY": str(tmp_path / "own.pem"),
        "BACKORDER_POSTGRES_ENTRYPOINT": "echo",
        "PATH": "/usr/bin:/bin",
    }
    start = ROOT / "deploy/postgres/start"
    done = subprocess.run([start, "postgres", "-cssl=on"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "postgres -cssl=on\n"
    assert (tmp_path / "own.pem").stat().st_mode & 0o777 == 0o600


def test_images_are_pinned_by_what_docker_says_their_tags_stand_for(tmp_path: Path) -> None:
    """With a stand-in for docker: no registry can be asked here."""
    docker = tmp_path / "docker"
    config = {
        "services": {"kafka": {"image": "apache/kafka:4.3.1"}, "order-api": {"image": "backorder/order", "build": {}}}
    }
    manifest = {"digest": "sha256:" + "0" * 64}
    docker.write_text(
        f"#!/bin/sh\ncase $1 in compose) echo '{json.dumps(config)}';; *) echo '{json.dumps(manifest)}';; esac\n"
    )
    docker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    program = (sys.executable, ROOT / "deploy/docker/pin-images")
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert yaml.safe_load(done.stdout) == {"services": {"kafka": {"image": f"apache/kafka:4.3.1@{manifest['digest']}"}}}
    without = subprocess.run(program, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert (without.returncode, without.stderr) == (1, "pin-images needs docker\n")


def test_mail_leaves_the_catcher_by_settings_alone() -> None:
    given = CONTAINERS["notification-worker"]["environment"]
    assert given["NOTIFICATION_SMTP_HOST"] == "${BACKORDER_SMTP_HOST:-mailpit}"
    own = {"BACKORDER_SMTP_HOST": "mail.example", "BACKORDER_SMTP_PORT": "587", "BACKORDER_SMTP_STARTTLS": "true",
           "BACKORDER_SMTP_USERNAME": "shop"}  # fmt: skip
    values = {
        name.removeprefix("NOTIFICATION_").lower(): re.sub(
            r"\$\{(\w+):-(.*)}", lambda found: own.get(found[1], found[2]), value
        )
        for name, value in given.items()
        if name.startswith(("NOTIFICATION_SMTP", "NOTIFICATION_MAIL"))
    }
    settings = NotificationSettings(
        database_url="postgresql+asyncpg://x/y",
        kafka_bootstrap="x:1",
        keyring_path=Path("k"),
        **values,  # type: ignore[arg-type]
    )
    assert (settings.smtp_host, settings.smtp_port, settings.smtp_starttls) == ("mail.example", 587, True)
    assert "notification_smtp_password" in _secret_targets(CONTAINERS["notification-worker"])


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
        **dict.fromkeys(_secret_targets(container).keys() - {"ca.pem"}, "secret"),
    }
    driver = {name: given.pop(name) for name in list(given) if name.startswith("PG")}
    assert driver == {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/run/secrets/ca.pem"}
    assert {name.lower().removeprefix(prefix.lower()) for name in given} <= settings_type.model_fields.keys()

    for name, value in container["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)}", r"\1", value))
    for target in _secret_targets(container):
        form = {"notification_webhook_old_secret_keys": '["an old key"]', "order_stripe_api_key": "sk_test_from-file"}
        (tmp_path / target).write_text(form.get(target, f"from file {target}") + "\n")
    settings = settings_type(_secrets_dir=tmp_path)

    assert settings.role == role
    assert settings.database_url == f"from file {service}_database_url"
    assert settings.migration_database_url is None, "a running service has no owner's password"
    assert settings.kafka_security_protocol == "SASL_SSL"
    assert str(settings.kafka_ca_path) == "/run/secrets/ca.pem"
    assert settings.trusted_proxies == ([_edge_subnet()] if role == "api" else [])
    assert settings.kafka_sasl_username == service
    assert settings.kafka_sasl_password == f"from file {service}_kafka_sasl_password"
    if isinstance(settings, NotificationSettings):
        assert settings.webhook_keys == ["from file notification_webhook_secret_key", "an old key"]
    if isinstance(settings, OrderSettings):
        assert (settings.stripe_api_key, settings.stripe_webhook_secret) == (
            "sk_test_from-file",
            "from file order_stripe_webhook_secret",
        )
    assert settings.port == 8000
    assert (settings.ops_host, settings.ops_port) == ("0.0.0.0", 9000)  # noqa: S104 - inside a container
    assert not [port for port in container.get("ports", ()) if port.endswith(":9000")], "for those who run it only"
    mounts = dict(volume.split(":")[:2][::-1] for volume in container["volumes"])
    keyring = settings.keyring_path
    assert mounts[str(keyring.parent)] == "./deploy/docker/secrets/keyring", "a mounted file would stay the old one"
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
    before = {file.name: file.read_text() for file in made.rglob("*") if file.is_file()}
    assert "nothing" in _make_secrets(made)
    assert {file.name: file.read_text() for file in made.rglob("*") if file.is_file()} == before
    assert made.stat().st_mode & 0o777 == 0o700
    assert (made / "keyring").stat().st_mode & 0o777 == 0o755
    passwords = [text for name, text in before.items() if name.endswith("password")]
    assert len(set(passwords)) == len(passwords)


def test_the_first_key_opens_every_door(made: Path) -> None:
    key = Keyring(made / "keyring/keyring.json").find((made / "api_key").read_text())
    assert key is not None
    assert set(key.scopes) == SCOPES


def test_a_keyring_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "keyring.json").write_text("[]\n")
    _make_secrets(tmp_path)
    assert (tmp_path / "keyring/keyring.json").read_text() == "[]\n"


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
