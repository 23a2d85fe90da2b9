"""What processes take at their peak: training, lists of texts, long documents, one huge text."""
