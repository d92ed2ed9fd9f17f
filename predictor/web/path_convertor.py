"""Paths with a line feed: they reach the function too."""

from starlette.convertors import PathConvertor, register_url_convertor


class _AnyPath(PathConvertor):
    regex = "(?s:.*)"


def accept_any_path() -> None:
    """Call it before the framework makes its routes, whose `{path:path}` matches no line feed.

    Without it the framework itself answers such a path, as plain text.
    """
    register_url_convertor("path", _AnyPath())
