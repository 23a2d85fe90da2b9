"""Every call on the file system killed or failed, in turn, and what a restart then finds."""
