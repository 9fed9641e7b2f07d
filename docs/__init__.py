"""What is written for people; the pages of the rules are generated from the rules."""
