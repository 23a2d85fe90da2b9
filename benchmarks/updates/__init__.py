"""What an update costs a device."""
