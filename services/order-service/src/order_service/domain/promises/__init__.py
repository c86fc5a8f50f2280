"""What customers were told about dates, what the law makes of it, and what they answered: pure rules."""
