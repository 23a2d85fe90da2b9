"""Accuracy of BitFit beside other methods of fine-tuning."""
