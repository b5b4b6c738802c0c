"""Loss terms of a user's."""
