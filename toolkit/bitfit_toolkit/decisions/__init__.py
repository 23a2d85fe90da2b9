"""Decisions of a pack, fitted on rows that it did not learn from, through the engine that ships."""
