"""Has the traffic changed since the model was published? Reads the `traffic_summary` lines of the log, and decides.

Not deployed: `python -m predictor drift` runs where people read logs. What is counted, on the serving path, is in
`predictor.trust.traffic_counts`.
"""

__all__ = ["baseline", "log_lines", "page", "report"]
