"""`python -m benchmarks [--quick]`: measure the stream door; see docs/performance.md."""

from benchmarks.stream.run import main

main()
