"""The benchmark suite: `python -m benchmarks` compares this function with other ways to serve the same model.

Each contender is a real process in a virtual environment of its own. In the order in which a run uses the modules:

    sample_penguins, raw_http -> contenders -> server, loadgen -> runner -> results -> goals, tables, report

Machines are noisy, so a run compares instead of timing: in each round every contender is measured once, and a result is
the median over the rounds of the ratio between two contenders.
"""
