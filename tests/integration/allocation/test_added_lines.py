"""A line that is added to an order is new demand: it queues as of now, and is declined without the other lines."""

from typing import Any


async def test_an_added_line_gets_what_is_there_and_waits_behind_those_who_wait(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1), world.stock("B", 1))
    order, placed = world.order("o1", ("A", 1))
    await world.apply(placed, world.order("o2", ("A", 1))[1])
    answer = (await world.apply(world.add_line(order, "B", 1), world.add_line(order, "A", 1)))[-1]
    assert (answer.payload.basis, len(answer.payload.lines)) == (3, 3)
    assert await world.granted("o1-1", "o1-2", "o1-3", "o2-1") == [1, 1, 0, 0]
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-3", "o2-1") == [0, 1], "who waited before goes first"
    await world.check()


async def test_a_declined_added_line_leaves_the_others_as_they_are(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B", "stock_only"), world.stock("A", 1))
    order, placed = world.order("o1", ("A", 1), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.add_line(order, "B", 2))
    assert await world.granted("o1-1", "o1-2") == [1, 0]
    assert (await world.line("o1-2")).declined == 2
    await world.check()


async def test_an_added_line_that_waits_makes_a_complete_order_release_its_stock(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1))
    order, placed = world.order("o1", ("A", 1), ship_complete=True)
    await world.apply(placed, world.order("o2", ("A", 1))[1])
    await world.apply(world.add_line(order, "B", 1))
    assert await world.granted("o1-1", "o1-2", "o2-1") == [0, 0, 1]
    await world.apply(world.stock("A", 1), world.stock("B", 1))
    assert await world.granted("o1-1", "o1-2") == [1, 1]
    await world.check()


async def test_an_added_line_for_which_there_is_stock_keeps_the_order_complete(world: Any) -> None:
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1), world.stock("B", 1))
    order, placed = world.order("o1", ("A", 1), ship_complete=True)
    await world.apply(placed)
    await world.apply(world.add_line(order, "B", 1))
    assert await world.granted("o1-1", "o1-2") == [1, 1]
    await world.check()


async def test_the_placing_and_the_addition_may_be_told_at_once_or_the_placing_never(world: Any) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    first, placed = world.order("o1", ("A", 1))
    added = world.add_line(first, "A", 1)
    await world.apply(placed, added, placed)
    second, _ = world.order("o2", ("A", 1))
    await world.apply(world.add_line(second, "A", 1))
    assert await world.granted("o1-1", "o1-2", "o2-1", "o2-2") == [1, 1, 1, 0]
    await world.check()
