"""Training: from labelled examples to a measured pack. Needs the extra `train`."""
