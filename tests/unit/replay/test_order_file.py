"""Reading a retailer's export with all its quirks."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backorder_workload.replay.order_file import BadOrderFile, read_orders

HEADER = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def write(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def test_lines_of_one_invoice_become_one_order(tmp_path: Path) -> None:
    stream = read_orders(
        write(
            tmp_path / "orders.csv",
            "536365,85123A,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom",
            "536365,71053,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom",
        )
    )
    (order,) = stream.orders
    assert order.reference == "536365"
    assert order.placed_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert [(line.sku, line.quantity, line.unit_price) for line in order.lines] == [
        ("85123A", 6, 255),
        ("71053", 6, 339),
    ]


def test_a_customer_number_loses_its_decimal_point_and_a_missing_one_is_a_guest(tmp_path: Path) -> None:
    stream = read_orders(
        write(
            tmp_path / "orders.csv",
            "1,A,1,2010-12-01 08:26:00,1,17850.0,United Kingdom",
            "2,A,1,2010-12-01 08:27:00,1,,EIRE",
            "3,A,1,2010-12-01 08:28:00,1,NA,Unspecified",
        )
    )
    assert [(order.customer, order.country) for order in stream.orders] == [
        ("17850", "GB"),
        (None, "IE"),
        (None, None),
    ]


def test_services_are_counted_and_not_placed_and_skus_keep_case_and_spaces(tmp_path: Path) -> None:
    stream = read_orders(
        write(
            tmp_path / "orders.csv",
            "1,POST,1,2010-12-01 08:26:00,18,,France",
            "1,85123a,1,2010-12-01 08:26:00,1,,France",
            "1,85123A,2,2010-12-01 08:26:00,1,,France",
            "1,GIFT BOX 12,2,2010-12-01 08:26:00,1,,France",
            "1,m,1,2010-12-01 08:26:00,1,,France",
            "1,gift_0001_20,1,2010-12-01 08:26:00,1,,France",
            "2,BANK CHARGES,1,2010-12-01 08:26:00,15,,France",
        )
    )
    assert [line.sku for order in stream.orders for line in order.lines] == ["85123a", "85123A", "GIFT BOX 12"]
    assert stream.report.service_lines == {"POST": 1, "m": 1, "gift_0001_20": 1, "BANK CHARGES": 1}
    assert stream.report.invoices_of_services_only == 1


def test_a_sku_named_twice_stays_two_lines(tmp_path: Path) -> None:
    row = "1,A,3,2010-12-01 08:26:00,1,,France"
    stream = read_orders(write(tmp_path / "orders.csv", row, row))
    assert [line.quantity for line in stream.orders[0].lines] == [3, 3]
    assert stream.report.orders_naming_a_sku_twice == 1


def test_an_invoice_of_more_than_a_thousand_lines_is_split(tmp_path: Path) -> None:
    rows = [f"1,S{number},1,2010-12-01 08:26:00,1,,France" for number in range(1_001)]
    stream = read_orders(write(tmp_path / "orders.csv", *rows))
    assert [(order.reference, len(order.lines)) for order in stream.orders] == [("1-1", 1_000), ("1-2", 1)]
    assert stream.report.split_invoices == 1


def test_returns_and_impossible_quantities_are_left_out(tmp_path: Path) -> None:
    stream = read_orders(
        write(
            tmp_path / "orders.csv",
            "C1,A,-5,2010-12-01 08:26:00,1,,France",
            "2,A,1000001,2010-12-01 08:26:00,1,,France",
            "3,A,1,2010-12-01 08:26:00,1,,France",
        )
    )
    assert [order.reference for order in stream.orders] == ["3"]
    assert (stream.report.returned_lines, stream.report.oversized_lines) == (1, 1)


def test_orders_come_in_the_sequence_of_their_time_and_a_gzipped_file_reads_the_same(tmp_path: Path) -> None:
    plain = write(
        tmp_path / "orders.csv",
        "2,A,1,2010-12-02 08:26:00,1,,France",
        "1,A,1,2010-12-01T10:26:00+02:00,1,,France",
    )
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [order.reference for order in read_orders(plain).orders] == ["1", "2"]
    assert read_orders(packed) == read_orders(plain)
    assert read_orders(plain).orders[0].placed_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("1,A,many,2010-12-01 08:26:00,1,,France", "line 2: Quantity 'many'"),
        ("1,A,1,yesterday,1,,France", "line 2: InvoiceDate 'yesterday'"),
        ("1,A,1,2010-12-01 08:26:00,free,,France", "line 2: UnitPrice 'free'"),
        ("1,A,1,2010-12-01 08:26:00,NaN,,France", "line 2: UnitPrice 'NaN'"),
        ("1,,1,2010-12-01 08:26:00,1,,France", "line 2: StockCode"),
        (f"1,{'A' * 91},1,2010-12-01 08:26:00,1,,France", "line 2: StockCode"),
        ("1,A", "line 2: Quantity"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_column(tmp_path: Path, row: str, named: str) -> None:
    with pytest.raises(BadOrderFile, match=named):
        read_orders(write(tmp_path / "orders.csv", row))


def test_a_file_without_the_columns_says_which_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("InvoiceNo,Quantity\n1,2\n")
    with pytest.raises(BadOrderFile, match="column StockCode is missing"):
        read_orders(path)


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_text("hello")
    with pytest.raises(BadOrderFile):
        read_orders(path)
