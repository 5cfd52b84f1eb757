"""How fast the stream door is: `python -m benchmarks.stream` measures, writes JSON and the table in docs."""
