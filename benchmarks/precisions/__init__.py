"""Bases in fp32, int8 and int4, beside each other."""
