"""What is done to which attribute, and which clause says so."""
