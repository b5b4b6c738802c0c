"""The report of a study: what it says is gathered, then drawn and written as one HTML file."""
