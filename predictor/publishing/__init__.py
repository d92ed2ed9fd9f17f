"""Publish a fitted classifier from the files that its author has, whatever wrote them. Not deployed.

The flow: what a file is (`source_file`), an environment with the versions that wrote it (`environments`), a process
that opens it there (`worker`, `open_file`, `remote_model`), what its columns and classes mean here (`input_columns`,
`source_model`), and the bundle (`publish_sources`, with `predictor.training`). `signature` says who published it.

The public modules in `__all__` are imported one by one, because the worker runs where their libraries are not
installed.
"""

__all__ = ["publish_sources", "signature", "source_file", "source_model"]
