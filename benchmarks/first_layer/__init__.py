"""Accuracy and cost of packs that begin at a layer."""
