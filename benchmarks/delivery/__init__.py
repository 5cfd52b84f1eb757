"""Outputs that are exactly-once against such that are at-least-once, side by side."""
