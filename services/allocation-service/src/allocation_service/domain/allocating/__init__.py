"""The decision itself: who gets which units, and who gives them back."""
