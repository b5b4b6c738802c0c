"""WSGI middleware in front of the dashboard: host, origin, limits, token, write policy.

May import `sweep.dashboard.http`.
A new check is a function and a line in `middleware`.
"""
