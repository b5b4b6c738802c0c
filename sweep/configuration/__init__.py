"""The configuration of a sweep: settings, files, search space, presets."""
