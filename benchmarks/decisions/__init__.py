"""What decisions in packs are worth: calibration, error among what is accepted, texts of none of the classes."""
