"""The C core beside the Python runtime."""
