"""How fast it is. Nothing here is imported by the product."""
