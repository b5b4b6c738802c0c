"""Where studies live: the database and the lock on a study."""
