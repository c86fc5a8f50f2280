"""What generated clients rely on: operation ids do not change by accident."""

from pathlib import Path

from inventory_service.config import InventorySettings
from inventory_service.entrypoints.service import build
from service_kit.http.app import create_app

OPERATIONS = {
    "add_purchase_order_line",
    "cancel_purchase_order",
    "change_purchase_order_line",
    "change_sku",
    "close_purchase_order_line",
    "get_adjustment",
    "get_count",
    "get_location",
    "get_purchase_order",
    "get_purchase_order_line",
    "get_receipt",
    "get_sku",
    "get_supplier",
    "get_supplier_return",
    "link_receipt_line",
    "merge_sku",
    "list_adjustments",
    "list_counts",
    "list_ledger_entries",
    "list_locations",
    "list_purchase_orders",
    "list_receipts",
    "list_skus",
    "list_stock_levels",
    "list_supplier_returns",
    "list_suppliers",
    "place_purchase_order",
    "put_location",
    "put_many_skus",
    "put_sku",
    "put_supplier",
    "record_adjustment",
    "record_count",
    "record_receipt",
    "record_supplier_return",
}


def test_operation_ids_are_the_published_ones():
    settings = InventorySettings(
        database_url="postgresql+asyncpg://nobody@localhost/none", kafka_bootstrap="none:1", keyring_path=Path("none")
    )
    document = create_app(build(settings)).openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    own = {operation["operationId"] for operation in operations if "parked" not in operation["operationId"]}
    assert own >= OPERATIONS
    unknown = {name for name in own - OPERATIONS if name.split("_")[0] in ("put", "get", "list", "record", "place")}
    assert not unknown, "operations of this service that are not among the published ones"
    bodies = [operation for operation in operations if "requestBody" in operation]
    assert all("summary" in operation for operation in operations)
    assert len(bodies) == 16
