"""Files on disk: bases, their manifests, and packs."""
