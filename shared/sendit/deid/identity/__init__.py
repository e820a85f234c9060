"""Whose object it is, what it becomes, and where its identity may be found again."""
