"""Coverage-guided fuzzing of everything that parses what others sent: `make fuzz`."""

NAMES = ("decode", "envelopes", "csv", "ndjson", "manifest", "golden", "compiled", "reference", "tensors")
"""The targets. They are imported last: only what is imported under the fuzzer is measured by it."""
