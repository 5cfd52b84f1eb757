"""What tests of functions need: messages as the engine would send them, replies as it would read them."""
