"""Two allocation workers against one, on a backlog over 100 SKUs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from tests.bench.assortment import allocation_handler, on_sale, orders_over, sku_names, tell
from tests.bench.figures import Measured, Row, at_least
from tests.bench.ground import Ground
from tests.bench.registry import REGISTRY
from tests.bench.workers import Drained, drain

from service_kit.testing.eventually import eventually
from service_kit.testing.topics import KafkaTopics

EVENTS = 8_000
ROUNDS = 3
SKUS = sku_names(100)


@REGISTRY.measures(
    Row(
        "two-workers",
        "two allocation workers decide a backlog of orders over 100 SKUs; floor: one worker",
        "events/s",
        at_least(1.5),
    )
)
async def two_workers(ground: Ground) -> Mapping[str, Measured]:
    """The workers come and go; database and topics stay. The note says which cores were busy."""
    measured = Measured()
    went: dict[int, Drained] = {}
    async with ground.databases() as make, ground.topics() as topics:
        database = await make("allocation_service")
        await tell(database, allocation_handler(database), on_sale(SKUS, on_hand=100))
        for _ in range(ROUNDS):
            for workers in (2, 1):
                async with AsyncExitStack() as stack:
                    served = [
                        await stack.enter_async_context(ground.service("allocation", database, topics, role="worker"))
                        for _ in range(workers)
                    ]
                    await _group_of(topics, workers)
                    processes = {"workers": [one.process for one in served], **ground.server_processes()}
                    await drain(database, topics, orders_over(SKUS, 1_000), processes)
                    went[workers] = await drain(database, topics, orders_over(SKUS, EVENTS), processes)
            measured.add(EVENTS / went[2].seconds, EVENTS / went[1].seconds)
    measured.note = _what_binds(went)
    return {"two-workers": measured}


async def _group_of(topics: KafkaTopics, members: int) -> None:
    """Wait until the group is settled with so many members, each of which holds partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.kafka_bootstrap)
    await admin.start()

    async def settled() -> bool:
        answers = await admin.describe_consumer_groups([topics.topic_prefix + "allocation"])
        group = answers[0].to_object()["groups"][0]
        return bool(group["state"] == "Stable" and len(group["members"]) == members)

    try:
        await eventually(settled, 60, every=0.1)
    finally:
        await admin.close()


def _what_binds(went: Mapping[int, Drained]) -> str:
    """What two workers wait for: cores, or the rows that the other has locked."""
    cores, two = psutil.cpu_count() or 1, went[2]
    if two.busy["machine"] > 0.9 * cores:
        verdict = f"the {cores} cores bind"
    elif two.waiting_for_locks > 0.5:
        verdict = "the locks on SKUs bind: a batch of 500 orders touches nearly all of them"
    else:
        verdict = "neither cores nor locks bind"
    return (
        f"{verdict}. Of two workers {two.waiting_for_locks:.2f} waited for a lock on average, {two.cores()};"
        f" one worker: {went[1].cores()}"
    )
