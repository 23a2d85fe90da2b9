"""Cards of packs: what a pack is, how it was trained and measured, and what it is not for."""
