"""What many installed tasks cost: memory, calls, and the start of a process."""
