"""What to tell a customer, when, and how often to try: pure rules, standard library only."""
