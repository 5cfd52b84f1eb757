"""Kills and stops parts of a running system at random moments, under load, and keeps the ledger."""
