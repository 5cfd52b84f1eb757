"""Hundreds of versions of one model that take over from each other under a steady stream."""
