"""What a forecast is judged by: metrics, targets and the score."""
