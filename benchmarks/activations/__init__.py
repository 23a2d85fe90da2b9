"""Static activations beside a scale for each row: time, distance from torch, accuracy of packs."""
