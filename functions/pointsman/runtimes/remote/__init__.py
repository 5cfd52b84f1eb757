"""Versions that compute elsewhere, on another's server: asked, never waited for beyond their time."""
