"""Pages of a list: cursors that only we make, and links from one page to the next."""

import base64
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from service_kit.http.pagination import decode_cursor, encode_cursor
from service_kit.http.problems import Problem


async def test_pages_lead_to_the_end_by_cursor_and_link(api):
    seen: list[str] = []
    url: str | None = "/v1/orders?limit=2"
    async with api.client("orders:read") as client:
        while url:
            answer = await client.get(url)
            seen += [row["order_id"] for row in answer.json()["data"]]
            cursor = answer.json()["next_cursor"]
            link = answer.headers.get("Link")
            assert (cursor is None) == (link is None)
            url = link.removeprefix("<").partition(">")[0] if link else None
            assert url is None or f"cursor={cursor}" in url.replace("%3D", "=")
    assert seen == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x"])
async def test_a_limit_out_of_range_is_400(api, limit):
    async with api.client("orders:read") as client:
        assert (await client.get(f"/v1/orders?limit={limit}")).status_code == 400


@pytest.mark.parametrize("cursor", ["x", "!!!", "e30", encode_cursor("a"), encode_cursor(1, 2), "\u00e9"])
async def test_a_cursor_that_is_not_ours_is_400(api, cursor):
    async with api.client("orders:read") as client:
        answer = await client.get("/v1/orders", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_a_cursor_gives_back_its_values_with_their_types():
    values = (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), date(2026, 1, 2), "a/b", 7, None, 1.5)
    assert decode_cursor(encode_cursor(*values)) == values


def test_a_cursor_with_text_that_no_database_holds_is_refused():
    with pytest.raises(Problem):
        decode_cursor(encode_cursor("\0"), str)


def test_a_moment_without_a_zone_is_no_cursor_of_ours() -> None:
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(datetime(2026, 3, 2, 9)), datetime)  # noqa: DTZ001


def test_an_instant_that_has_no_place_in_utc_is_no_cursor_of_ours() -> None:
    """The database's driver would fail on it, which would be answered with 500."""
    beyond = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(beyond), datetime)


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        (b"[" * 5000, (str,)),
        (b"[9223372036854775808]", (int,)),
        (b"[" + b"9" * 5000 + b"]", (int,)),
        (b"[1e999]", (float,)),
        (b"[NaN]", (float,)),
        (b"[true]", (int,)),
        (b'[{"t": "2026-03-02T09:00:00+00:00"}]', (date,)),
        (b'[{"d": "99999-01-01"}]', (date,)),
        (b'["\\ud800"]', (str,)),
        (b'{"t": 1}', (str,)),
        (b"[[]]", (str,)),
        (b"[]", (str,)),
        (b"\xff\xfe", (str,)),
        (b"", (str,)),
    ],
)
def test_a_doctored_cursor_is_no_cursor(document, kinds):
    with pytest.raises(Problem, match="bad_cursor"):
        decode_cursor(base64.urlsafe_b64encode(document).decode(), *kinds)


@pytest.mark.parametrize("cursor", ["é", "a", "=", "\ud800", "%00", "a" * 1000])
def test_what_is_no_base64_is_no_cursor(cursor):
    with pytest.raises(Problem, match="bad_cursor"):
        decode_cursor(cursor, str)
