"""Side-by-side timings; each module is a command: python -m benchmarks.figures."""
