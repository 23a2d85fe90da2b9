"""Reports for people: what a pack gets wrong, what is odd about its data, and plots of both."""
