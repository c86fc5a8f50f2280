"""How late suppliers are, and which date can therefore be promised: observations, quantiles, tables of them."""
