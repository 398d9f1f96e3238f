"""The numbers that README quotes: `python -m benchmarks`. Each measurement is one small file."""
