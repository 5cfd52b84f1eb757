"""How the models of a benchmark come into a stack."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import numpy as np

from benchmarks.stream.models import WIDTH
from pointsman.client import Client

READY_S: Final = 120.0


async def publish(kafka: str, specs: list[dict[str, Any]]) -> None:
    """Apply the models and return when each has answered."""
    row = np.zeros((1, WIDTH), "<f4")
    async with Client(kafka) as client:
        for spec in specs:
            await client.apply(spec, timeout=READY_S)
        await asyncio.gather(*(client.predict(spec["model"], {"x": row}, timeout=READY_S) for spec in specs))
