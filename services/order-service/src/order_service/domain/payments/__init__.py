"""What a customer owes, and how money follows the order: pure rules, standard library only."""
