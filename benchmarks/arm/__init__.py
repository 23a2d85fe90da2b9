"""The runtime on ARM, under QEMU."""
