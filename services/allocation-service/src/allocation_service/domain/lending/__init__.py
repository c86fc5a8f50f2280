"""Stock lent to urgent orders and repaid by a delivery."""
