"""The HTTP server of the dashboard, its limits, and what requests may hold.

May import `core`.
A new address is allowed in `request_paths`, its body in `request_bodies`.
"""
