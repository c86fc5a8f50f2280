"""`backorder up`: start everything and keep it running."""

import os
import signal
from typing import IO, Annotated

import typer

from backorder_local.commands.options import DataDir, data_directory
from backorder_local.data_directory import AlreadyRunning, DataDirectory
from backorder_local.detached import run_detached
from backorder_local.leftovers import end_leftovers
from backorder_local.local_parts import LocalSystem, Options
from backorder_local.ports import free_port, is_free
from backorder_local.private_files import read_json, write_json, write_private
from backorder_local.services import SERVICES
from backorder_local.supervisor import PartFailed, Supervisor

_SMTP = "smtp"
_SMTP_PORT = 8025
_PAYMENTS = "payments"
_PAYMENTS_PORT = 8026
_OPS_DISTANCE = 10
"""The ops port of the service at 8001 is 8011."""


class PortsBusy(RuntimeError):
    """Ports that services should get are taken; the message names them and the remedy."""


def register(app: typer.Typer) -> None:
    """Add `up`."""
    app.command()(up)


def up(
    *,
    data_dir: DataDir = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background; `down` stops it.")] = False,
    port_base: Annotated[
        int | None, typer.Option(help="Services listen on the next four ports: 9000 gives 9001 to 9004.")
    ] = None,
    free_ports: Annotated[bool, typer.Option(help="Where a port is busy, take any free one.")] = False,
    servers_only: Annotated[
        bool, typer.Option(help="Leave the services out: you run them yourself, from an editor say.")
    ] = False,
    postgres_url: Annotated[
        str | None,
        typer.Option(envvar="BACKORDER_POSTGRES_URL", help="Use this PostgreSQL server (as an administrator)."),
    ] = None,
    kafka_bootstrap: Annotated[
        str | None, typer.Option(envvar="BACKORDER_KAFKA_BOOTSTRAP", help="Use this Kafka broker: host:port.")
    ] = None,
) -> None:
    """Start PostgreSQL, Kafka, a mail catcher, a payment simulator and the four services, until Ctrl-C."""
    directory = data_directory(data_dir)
    os.umask(0o077)
    try:
        lock = directory.acquire()
    except AlreadyRunning as refused:
        raise SystemExit(f"{refused}. `backorder status` shows it, `backorder down` stops it.") from None
    with lock:
        try:
            ports = _ports(directory, port_base, take_free=free_ports or servers_only)
            options = Options(ports, postgres_url, kafka_bootstrap, run_services=not servers_only)
        except PortsBusy as busy:
            raise SystemExit(str(busy)) from None
        _prepare(directory, options)
        if detach:
            code = run_detached(directory, lock, lambda: supervise(directory, options, lock))
        else:
            code = supervise(directory, options, lock)
    raise SystemExit(code)


def supervise(directory: DataDirectory, options: Options, lock: IO[str]) -> int:
    """Run the system in this process until a signal; the exit code."""
    directory.name_holder(lock)
    end_leftovers(read_json(directory.parts).get("parts", []))
    system = LocalSystem(directory, options)
    supervisor = Supervisor(
        system.parts(),
        say=lambda text: print(text, flush=True),
        record=lambda parts: write_json(directory.parts, {"parts": parts}),
        when_up=lambda: _announce(directory, system),
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: supervisor.stop())
    try:
        supervisor.run()
    except PartFailed as failed:
        print(f"\nThe system did not start: {failed}\nEverything is stopped again. `backorder doctor` may know more.")
        return 1
    finally:
        directory.addresses.unlink(missing_ok=True)
    print("everything is stopped; the data stay in", directory.root, flush=True)
    return 0


def _prepare(directory: DataDirectory, options: Options) -> None:
    """What may take long or ask for network, said on the terminal before anything runs."""
    if os.geteuid() == 0:
        directory.root.chmod(0o711)  # PostgreSQL runs as another account and must pass through
    _try_own_servers(options)
    if options.kafka_bootstrap is None:
        from backorder_local.kafka_jars import JarsUnavailable, ensure_jars, find_java  # noqa: PLC0415

        try:
            find_java()
            ensure_jars(print)
        except JarsUnavailable as missing:
            raise SystemExit(f"Kafka cannot be run: {missing}") from None
    if not directory.api_key.exists():
        from service_kit.http.api_keys import SCOPES, Keyring  # noqa: PLC0415

        secret, _ = Keyring(directory.keyring).create_key("local", sorted(SCOPES), expires_at="never")
        write_private(directory.api_key, secret + "\n")


def _try_own_servers(options: Options) -> None:
    if options.postgres_url is None and options.kafka_bootstrap is None:
        return
    from backorder_local.own_servers import Unusable, require_kafka, require_postgres  # noqa: PLC0415

    try:
        if options.postgres_url is not None:
            require_postgres(options.postgres_url)
        if options.kafka_bootstrap is not None:
            require_kafka(options.kafka_bootstrap)
    except Unusable as refused:
        raise SystemExit(str(refused)) from None


def _announce(directory: DataDirectory, system: LocalSystem) -> None:
    running = system.running()
    running.save()
    print()
    for name, url in running.service_urls.items():
        if system.runs_services:
            print(f"  {name:13} {url}")
    if system.runs_services:
        ports = ", ".join(url.rpartition(":")[2] for url in running.ops_urls.values())
        print(f"  {'metrics':13} /metrics on 127.0.0.1, ports {ports}")
    print(f"  {'API key':13} in {directory.api_key}")
    print(f"  {'payments':13} simulated at {running.payment_simulator_url}, test cards are in docs/stripe.md")
    print(f"  {'mails':13} caught, shown by `backorder mails`\n")


def _ports(directory: DataDirectory, base: int | None, take_free: bool) -> dict[str, int]:
    """A free port for each program that others reach, the same as last time where that is possible."""
    wanted = {service.name: service.default_port for service in SERVICES}
    wanted |= {_SMTP: _SMTP_PORT, _PAYMENTS: _PAYMENTS_PORT}
    wanted |= {service.ops: service.default_port + _OPS_DISTANCE for service in SERVICES}
    if base is not None:
        wanted |= {service.name: base + number for number, service in enumerate(SERVICES, start=1)}
        wanted |= {service.ops: wanted[service.name] + _OPS_DISTANCE for service in SERVICES}
    else:
        wanted |= {name: int(port) for name, port in read_json(directory.ports).items() if name in wanted}
    busy = [name for name, port in wanted.items() if not is_free(port)]
    # Nobody types these ports, so they may move without asking.
    unasked = {_SMTP, _PAYMENTS, *(service.ops for service in SERVICES)}
    if (asked := [name for name in busy if name not in unasked]) and not take_free:
        taken = ", ".join(f"{wanted[name]} ({name})" for name in asked)
        raise PortsBusy(
            f"Port {taken} is in use by another program. Stop it, or choose other ports: "
            "`backorder up --port-base 9000` (9001 to 9004) or `backorder up --free-ports`."
        )
    ports = dict(wanted)
    for name in busy:
        ports[name] = free_port(avoid=frozenset(ports.values()))
    write_json(directory.ports, ports)
    return ports
