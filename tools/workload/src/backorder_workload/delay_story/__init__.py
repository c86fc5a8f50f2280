"""The story of a late delivery: promises, the law and money, for a person who meets the product."""
