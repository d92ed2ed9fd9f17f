"""Checks of a running function from outside (`smoke`, `agreement`, `canary`), and capacity planning. Not deployed.

The public modules in `__all__` are imported one by one, because each imports libraries that the others do not need.
"""

__all__ = [
    "agreement",
    "bulk_costs",
    "canary",
    "capacity",
    "instance",
    "log_entries",
    "proportions",
    "remote",
    "smoke",
    "time_series",
]
