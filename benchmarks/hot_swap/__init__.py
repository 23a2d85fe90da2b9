"""Packs replaced while threads ask."""
