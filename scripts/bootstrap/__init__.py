"""Sets up a fresh machine: system packages, a virtual environment, the engine's jars.

Runs on the Python that the machine has, with its standard library only. Each step is skipped in no time
when its result is in place, and may be interrupted: what it was doing is done again by the next call.
"""
