"""What the benchmark gives a program. In the environment: most are started by launchers of their own."""

from __future__ import annotations

import os

PORT = int(os.environ["DOORS_PORT"])
MODELS = os.environ["DOORS_MODELS"].split(",")
ARTIFACT = os.environ["DOORS_ARTIFACT"]
WAIT_S = int(os.environ["DOORS_WAIT_MS"]) / 1000
