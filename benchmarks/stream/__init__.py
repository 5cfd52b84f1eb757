"""How fast the stream door is: the product against its limits."""
