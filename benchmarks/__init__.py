"""The performance lab: `python -m benchmarks` measures this function, its platform, its predecessor and its peers.

    flock -> wire -> contenders -> server, loadgen, procfs -> lab -> results -> goals, table, report

A contender is a real process with its own virtual environment. The machines are noisy, so nothing here is judged in
seconds: contenders take turns within every round, and what counts is the median over the rounds of the ratio between
two of them in the same round.
"""
