"""Units of work in memory keep what was committed and nothing else."""

import pytest

from service_kit.commands.execute import execute
from service_kit.testing.in_memory_unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory


class Names(InMemoryUnitOfWork):
    def __init__(self, state, now):
        super().__init__(now)
        self.names = state


def names():
    return InMemoryUnitOfWorkFactory([], Names)


async def test_a_committed_unit_of_work_lasts_and_calls_what_waits_for_it():
    units, called = names(), []
    async with units.begin() as uow:
        uow.names.append("a")
        uow.after_commit(lambda: called.append(True))
        await uow.commit()
    assert (units.state, called) == (["a"], [True])


async def test_without_a_commit_everything_is_rolled_back():
    units, called = names(), []
    async with units.begin() as uow:
        uow.names.append("a")
        uow.after_commit(lambda: called.append(True))
    assert (units.state, called) == ([], [])


async def test_an_error_of_a_use_case_rolls_back_and_reaches_the_caller():
    units = names()

    async def add_then_fail(uow, name):
        uow.names.append(name)
        raise ValueError(name)

    with pytest.raises(ValueError, match="a"):
        await execute(units, add_then_fail, "a")
    assert units.state == []


async def test_a_view_changes_nothing():
    units = names()
    async with units.reading() as uow:
        uow.names.append("a")
    assert units.state == []
