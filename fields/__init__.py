"""The leaf: a gridded field, read, split, scaled, differentiated and written."""
