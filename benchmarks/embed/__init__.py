"""The JavaScript runtime beside the Python runtime."""
