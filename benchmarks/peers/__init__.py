"""What `benchmarks/speed.py` is made of: the arms, the tables, and the report."""
