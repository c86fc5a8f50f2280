"""How well promised dates are kept: a shop on allocation's own promise arithmetic, in worlds where suppliers differ."""
