"""What a thief makes of the answers: a file for each adversary."""
