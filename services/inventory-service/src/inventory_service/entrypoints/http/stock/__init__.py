"""Stock documents, stock levels and the ledger."""
