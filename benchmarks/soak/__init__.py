"""Mixed traffic for a long time, while faults come and go: is an answer lost or wrong, does memory or latency grow?"""
