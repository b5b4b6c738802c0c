"""A study in its database: what is kept, read and told."""
