"""Hours of ordinary days in short: mixed traffic at half capacity, and whether anything grows."""
