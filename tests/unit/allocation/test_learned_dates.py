"""Dates that are learned, on stores in memory."""

from tests.unit.allocation.learned_dates_suite import LearnedDatesSuite


class TestLearnedDatesInMemory(LearnedDatesSuite):
    pass
