"""What many resident tasks cost: memory, calls, and the start of a process."""
