"""The `bitfit` command: one file a sub-command."""
