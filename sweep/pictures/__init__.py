"""Pictures of forecasts and trials, drawn from what is kept with a study."""
