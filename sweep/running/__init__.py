"""Running a sweep: preflight, coordinator, executors, workers, trials."""
