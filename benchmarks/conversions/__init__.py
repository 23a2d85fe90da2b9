"""Labels of converted packs beside those of the originals."""
