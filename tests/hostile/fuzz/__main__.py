"""Fuzz one target, or all in turn: `python -m tests.hostile.fuzz decode --seconds 60`.

A finding is a file `crash-...` in the working folder: an input that `--input FILE` runs again.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hostile.fuzz import NAMES


def fuzz(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris  # Linux only.

    with atheris.instrument_imports(include=["predictor"]):
        from tests.hostile.fuzz.seeds import seeds
        from tests.hostile.fuzz.targets import TARGETS

    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for number, seed in enumerate(seeds(name, Path(scratch) / "made")):
            (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=NAMES, help="default: all, one after the other")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, help="a folder that is kept, with one for each target")
    parser.add_argument("--input", type=Path, help="run the target on this file only")
    options = parser.parse_args()
    if options.input is not None:
        from tests.hostile.fuzz.targets import TARGETS

        TARGETS[options.target](options.input.read_bytes())
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        corpus = (options.corpus or Path(scratch)).absolute()
        if options.target is not None:
            fuzz(options.target, options.seconds, corpus / options.target)
        command = [sys.executable, "-m", "tests.hostile.fuzz"]
        command += ["--seconds", str(options.seconds), "--corpus", str(corpus)]
        return max(subprocess.run([*command, name], check=False).returncode for name in NAMES)


if __name__ == "__main__":
    sys.exit(main())
