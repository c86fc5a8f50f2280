"""The decision itself: who gets which units, what is kept from whom, and who gives units back."""
