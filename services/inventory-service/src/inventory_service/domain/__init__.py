"""Inventory's rules: stock levels and their ledger, stock documents, purchase orders, selling policies. Pure."""
