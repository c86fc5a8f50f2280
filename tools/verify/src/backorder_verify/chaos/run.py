"""One chaos run: start the system, load it, kill its processes, let it drain, check it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from backorder_local.data_directory import DataDirectory
from backorder_local.ports import LOOPBACK
from backorder_local.topics import PARTITIONS, TOPICS
from backorder_verify.chaos.bank import ChaosBank
from backorder_verify.chaos.client import PatientClient
from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.discrepancies import find_discrepancies
from backorder_verify.chaos.faults import Faults
from backorder_verify.chaos.fleet import Fleet, let_database_account_pass
from backorder_verify.chaos.load import Load
from backorder_verify.chaos.money_record import until_paid
from backorder_verify.chaos.recovery import recovered
from backorder_verify.chaos.report import Outcome
from backorder_verify.chaos.webhook_sink import WebhookSink
from backorder_verify.check.at_rest import until_at_rest
from backorder_verify.check.runner import check_system

_SECONDS_BETWEEN_KILLS = (0.6, 1.8)
_SECONDS_BETWEEN_BURSTS = (0.3, 1.0)
_RECOVERED_WITHIN = 90.0
_ANSWERED_WITHIN = 60.0
_DRAINED_WITHIN = 120.0


@dataclass(frozen=True)
class ChaosPlan:
    """What a run does. `rate` is in operations per second, times are in seconds."""

    kills: int
    seed: int
    rate: float = 15.0
    freeze_seconds: float = 20.0
    plant: str | None = None
    burst: tuple[int, int] = (4, 9)
    """Fewest and most kills before the system may recover."""
    session_timeout: float = 4.0
    """Kafka's session time-out for consumers. In production it is 10 s, most of which a run would spend waiting."""
    clock_skew: float = 300.0
    """By how much the clocks of processes are ahead or behind."""


@dataclass
class Kills:
    """The faults that were injected, and how the system recovered from them."""

    kinds: Counter[str]
    recoveries: list[float]
    waited_for: Counter[str] = field(default_factory=Counter)
    not_recovered: int = 0


async def run_chaos(plan: ChaosPlan, directory: DataDirectory, console: Console) -> Outcome:
    """Run in an empty directory. Every process is stopped at the end; the directory stays."""
    let_database_account_pass(directory)
    began = time.monotonic()
    fleet = Fleet(directory, plan.plant, plan.session_timeout, plan.clock_skew)
    sink = WebhookSink(plan.seed)
    bank = ChaosBank(f"http://{LOOPBACK}:{fleet.payments_port}", fleet.payment_keys()[0])
    try:
        console.print("Starting PostgreSQL, Kafka, the payment simulator and seven service processes …")
        await fleet.start()
        console.print(f"Up after {time.monotonic() - began:.0f} s. Load and kills begin.")
        record = ClientRecord(webhooks=sink.accepted)
        kills = await _under_load(plan, fleet, record, console, bank=bank, webhook_url=await sink.start())
        console.print("Load has ended; waiting until everything has drained, then checking …")
        system = fleet.running_system()
        await until_at_rest(system, within=_DRAINED_WITHIN)
        if not await until_paid(system.database_urls["order"], _DRAINED_WITHIN):
            record.unanswered.append("payments that are still under way")
        record.provider_books = await bank.books()
        verdict = await check_system(system, console, within=_DRAINED_WITHIN)
        return Outcome(
            seed=plan.seed,
            plant=plan.plant,
            kills=kills.kinds,
            recoveries=kills.recoveries,
            waited_for=kills.waited_for,
            not_recovered=kills.not_recovered,
            record=record,
            discrepancies=await find_discrepancies(system, record),
            verdict=verdict,
            events=await _records(system.kafka_bootstrap),
            unexpected_exits=fleet.unexpected_exits,
            seconds=time.monotonic() - began,
        )
    finally:
        await bank.close()
        await fleet.stop()
        await sink.stop()


async def _under_load(
    plan: ChaosPlan, fleet: Fleet, record: ClientRecord, console: Console, *, bank: ChaosBank, webhook_url: str
) -> Kills:
    client = PatientClient(
        lambda service: [replica.url for replica in fleet.serving(service)],
        fleet.api_key,
        record,
        random.Random(f"client:{plan.seed}"),
    )
    stopping = asyncio.Event()
    load = Load(client, record, plan.seed, plan.rate, bank)
    await load.open(webhook_url)
    await _catalogue_known(fleet, load.skus)
    working = asyncio.create_task(load.run(stopping))
    try:
        await asyncio.sleep(2)
        kills = await _kill(plan, fleet, console)
    finally:
        stopping.set()
        await working
        await load.finish(_ANSWERED_WITHIN)
        await client.close()
    return kills


async def _catalogue_known(fleet: Fleet, skus: int) -> None:
    """Wait until every SKU may be ordered: the order service learns of them from events."""
    connection = await asyncpg.connect(fleet.running_system().database_urls["order"])
    try:
        async with asyncio.timeout(60):
            while True:
                if await connection.fetchval("SELECT count(*) FROM sku") >= skus:
                    return
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _kill(plan: ChaosPlan, fleet: Fleet, console: Console) -> Kills:
    """Kill in bursts; each begins once the system has recovered from the one before."""
    pick = random.Random(f"kills:{plan.seed}")
    faults = Faults(fleet, plan.seed, plan.freeze_seconds)
    kills = Kills(Counter(), [])
    while kills.kinds.total() < plan.kills:
        under_way: list[asyncio.Task[None]] = []
        for _ in range(min(pick.randint(*plan.burst), plan.kills - kills.kinds.total())):
            await asyncio.sleep(pick.uniform(*_SECONDS_BETWEEN_KILLS))
            under_way.append(asyncio.create_task(_one(faults, faults.draw(), kills, console)))
        await asyncio.gather(*under_way)
        recovery = await recovered(fleet, faults.harmed_at, _RECOVERED_WITHIN)
        kills.waited_for += recovery.waited_for
        if recovery.seconds is None:
            kills.not_recovered += 1
        else:
            kills.recoveries.append(recovery.seconds)
        console.print(f"       {recovery}", highlight=False)
        await asyncio.sleep(pick.uniform(*_SECONDS_BETWEEN_BURSTS))
    return kills


async def _one(faults: Faults, wanted: str, kills: Kills, console: Console) -> None:
    kind = await faults.strike(wanted)
    kills.kinds[kind] += 1
    console.print(f"  {kills.kinds.total():4} {kind}", highlight=False)


async def _records(bootstrap: str) -> dict[str, int]:
    """Topic → number of its records; a record that was sent twice counts twice."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    return {topic: sum(end for place, end in ends.items() if place.topic == topic) for topic in TOPICS}
