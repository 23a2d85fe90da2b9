"""Speed, memory and size beside peers."""
