"""Pages of the dashboard: the study payload, notes, attributes, CSV, pictures.

May import `sweep.dashboard.http`.
A new page is a route in `routes`.
"""
