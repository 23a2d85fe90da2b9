"""What shared layers save: several tasks about one text, and lists of messages with six tasks each."""
