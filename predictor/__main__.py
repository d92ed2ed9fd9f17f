"""`python -m predictor`: see `predictor.cli`."""

from predictor.cli import main

if __name__ == "__main__":
    main(prog_name="python -m predictor")
