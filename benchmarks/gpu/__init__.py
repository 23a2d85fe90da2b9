"""What `gpu.sh` runs where a GPU is at hand: inputs in parts, parity of precisions, and several processes."""
