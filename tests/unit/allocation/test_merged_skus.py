"""A SKU that was renamed or merged: in memory."""

from tests.unit.allocation.merged_skus_suite import MergedSkusSuite


class TestMergedSkusInMemory(MergedSkusSuite):
    pass
