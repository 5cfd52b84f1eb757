"""The rules, pure: no I/O, no clock, no randomness, no event loop, no protobuf, no torch."""
