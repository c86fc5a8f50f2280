"""Dates that are learned, on PostgreSQL."""

from tests.unit.allocation.learned_dates_suite import LearnedDatesSuite


class TestLearnedDatesOnPostgres(LearnedDatesSuite):
    pass
