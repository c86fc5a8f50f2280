"""Inventory's rules: stock levels and their ledger, purchase-order lines, selling policies. Pure."""
