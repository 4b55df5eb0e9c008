"""Benchmarks: each pairs ingestd with the tool a user would take instead, in one run, and prints ratios."""
