"""SKUs: stock, selling terms, inbound deliveries, how late they are, and what a shopper may be told."""
