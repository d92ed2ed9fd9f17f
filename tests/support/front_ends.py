"""Front ends before a function: real nginx and HAProxy, each with one upstream."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import answers, free_port, wait_until
from tests.support.programs import require_program

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream function {{ server 127.0.0.1:{upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port}; client_max_body_size 0;
    location / {{ proxy_pass http://function; proxy_request_buffering off; {connection} }}
  }}
}}
"""
HAPROXY = """
global
  maxconn 512
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:{port}
  server function 127.0.0.1:{upstream}
"""
KEPT = 'proxy_http_version 1.1; proxy_set_header Connection "";'


def _nginx(folder: Path, port: int, upstream: int, connection: str) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstream=upstream, connection=connection))
    return [require_program("nginx"), "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]


def _nginx_closing(folder: Path, port: int, upstream: int) -> list[str]:
    """As nginx comes: HTTP/1.0 and one request for each connection."""
    return _nginx(folder, port, upstream, "")


def _nginx_keeping(folder: Path, port: int, upstream: int) -> list[str]:
    return _nginx(folder, port, upstream, KEPT)


def _haproxy(folder: Path, port: int, upstream: int) -> list[str]:
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, upstream=upstream))
    return [require_program("haproxy"), "-f", str(config)]


FRONT_ENDS: dict[str, Callable[[Path, int, int], list[str]]] = {
    "nginx": _nginx_closing,
    "nginx-keep-alive": _nginx_keeping,
    "haproxy": _haproxy,
}


@contextmanager
def front_end(name: str, folder: Path, upstream: int) -> Iterator[str]:
    """A running front end of the port `upstream`; its URL."""
    port = free_port()
    command = FRONT_ENDS[name](folder, port, upstream)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), f"{name} to open its port")
        yield url
    finally:
        process.terminate()
        process.wait(10)
