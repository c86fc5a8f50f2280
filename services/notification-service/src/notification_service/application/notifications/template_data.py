"""The data of a notification, from which its text is rendered in any language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from notification_service.domain.customer_reasons import customer_reason
from notification_service.domain.lines import ChangeKind, LineChange
from notification_service.domain.messages import Message
from notification_service.domain.orders import OrderProjection


def template_data_of(order: OrderProjection, message: Message, sku_names: Mapping[str, str]) -> dict[str, Any]:
    """The message as JSON data. Nothing in it is personal."""
    return {
        "reference": order.reference,
        "placed_at": order.placed_at.isoformat() if order.placed_at else None,
        "sections": [
            {"kind": section.kind.value, "changes": [_change(change, sku_names) for change in section.changes]}
            for section in message.sections
        ],
    }


def skus_of(messages: Iterable[Message]) -> set[str]:
    """The SKUs that the messages name."""
    return {change.sku for message in messages for section in message.sections for change in section.changes}


def _change(change: LineChange, sku_names: Mapping[str, str]) -> dict[str, Any]:
    told = customer_reason(change)
    return {
        "kind": change.kind.value,
        "line_id": change.line_id,
        "sku": change.sku,
        "name": sku_names.get(change.sku),
        "quantity": change.quantity,
        "waiting": change.waiting,
        "promise_date": change.promise_date.isoformat() if change.promise_date else None,
        "previous_date": change.previous_date.isoformat() if change.previous_date else None,
        "reason": change.reason.words if change.kind is ChangeKind.DECLINED else "",
        "reason_code": told.code if told else None,
        "reason_parameters": dict(told.parameters) if told else {},
    }
