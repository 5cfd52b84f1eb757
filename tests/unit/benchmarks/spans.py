"""Spans of an open-loop run, made up."""

from __future__ import annotations

from typing import Any

from benchmarks.stream.generator import Span


def span(**fields: Any) -> Span:
    """Return a span that is as it should be."""
    well = {
        "rate": 100.0,
        "seconds": 1.0,
        "due": 100,
        "unsent": 0,
        "answered": 100,
        "late": 0,
        "refused": 0,
        "failed": 0,
        "p50_ms": 10.0,
        "p99_ms": 20.0,
        "refusal_p50_ms": 5.0,
        "refusal_p99_ms": 20.0,
        "refusal_max_ms": 30.0,
    }
    return Span(**{**well, **fields})
