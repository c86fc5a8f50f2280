"""A SKU that was renamed or merged: on PostgreSQL."""

from tests.unit.allocation.merged_skus_suite import MergedSkusSuite


class TestMergedSkusOnPostgres(MergedSkusSuite):
    pass
