"""The service: configuration, search space, coordinator, workers and commands."""
