"""Sends poison of every kind among good requests, and keeps the ledger."""
