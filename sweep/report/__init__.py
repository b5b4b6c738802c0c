"""The report: everything about a study in one page that can be sent on."""
