"""What takes the place of a value."""
