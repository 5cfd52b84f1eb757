"""Programs that work on the repository itself; no part of the product."""
