"""The peers: graphs and models that others would use for the same tasks."""
