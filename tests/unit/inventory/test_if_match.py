"""The versions that an If-Match header names."""

import pytest

from inventory_service.domain.expected_version import ExpectedLineVersion, ExpectedOrderVersion, ExpectedVersion
from inventory_service.entrypoints.http.dependencies import (
    expected_line_version,
    expected_order_version,
    expected_version,
    order_etag,
    required_line_version,
)


@pytest.mark.parametrize(
    ("header", "versions", "any_version"),
    [
        ('"3"', {3}, False),
        ('"3", "12"', {3, 12}, False),
        (' W/"3" ,"4"', {3, 4}, False),
        ("*", set(), True),
        ('"3", *', {3}, True),
        ("", set(), False),
        ("3", set(), False),
        ('"03"', set(), False),
        ('"x"', set(), False),
        ('"po-3"', set(), False),
        ('"' + "9" * 5000 + '"', set(), False),
        ('"' + "9" * 18 + '"', {10**18 - 1}, False),
    ],
)
async def test_the_tags_of_versions_are_understood_and_others_name_none(header, versions, any_version):
    assert await expected_version(header) == ExpectedVersion(frozenset(versions), any_version)


async def test_without_the_header_no_version_is_expected():
    assert await expected_version(None) is None
    assert await expected_line_version(None) is None
    assert await required_line_version(None) is None


@pytest.mark.parametrize("header", ['"po-7"', 'W/"po-7"', '"1", "po-7"'])
async def test_a_line_may_be_expected_by_the_tag_of_its_order(header):
    for parse in (expected_line_version, required_line_version):
        expected = await parse(header)
        assert expected is not None
        assert expected.order_versions == {7}
        expected.check(line_version=99, order_version=7)


async def test_a_tag_of_thousands_of_digits_names_no_order() -> None:
    long = '"po-' + "9" * 5000 + '"'
    assert await expected_line_version(long) == ExpectedLineVersion(ExpectedVersion())
    assert await expected_order_version(long) == ExpectedOrderVersion()


async def test_the_tag_of_an_order_is_read_as_it_is_written():
    expected = await expected_line_version(order_etag(12))
    assert expected == ExpectedLineVersion(ExpectedVersion(), frozenset({12}))
