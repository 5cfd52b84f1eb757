"""What a request costs in Python: the calls of router and model function, without engine and network."""
