"""Models that the demo and the benchmark serve. A pod imports the factories named in the YAML files."""
