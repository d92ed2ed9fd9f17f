"""The settings, read from the environment once. The error for a bad value names the key and the value.

Only `main`, `predictor.bootstrap` and `predictor.cli` read settings; everything else receives plain values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from predictor.digest import is_digest
from predictor.errors import ConfigurationError
from predictor.location import is_bucket_name, split_gs_uri
from predictor.prediction import EngineChoice, ProtocolName

Loading = Literal["lazy", "eager"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off", ""})
# Pub/Sub's rules, without their finer points: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
_TOPIC: Final = re.compile(r"(?:projects/([a-z0-9.:-]+)/topics/)?([A-Za-z][A-Za-z0-9._~+%-]{2,254})")
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; docs/reference/settings.md says what each is for."""

    model_uri: str | None = None
    """`gs://bucket/root/version` or a folder; None: the newest version under `artifacts/`."""
    model_digest: str | None = None
    model_loading: Loading = "lazy"
    model_engine: EngineChoice = "auto"
    max_body_bytes: int = 1024 * 1024
    max_instances_per_request: int = 1000
    max_concurrent_requests: int = 2000
    """Twice the most that Cloud Run sends to one instance."""
    max_bytes_in_flight: int = 64 * 1024 * 1024
    request_timeout_s: int = 30
    max_explanations_per_request: int = 20
    max_stream_bytes: int = 32 * 1024 * 1024
    """As much as Cloud Run lets through in one HTTP/1 request."""
    cors_origins: tuple[str, ...] = ()
    feedback: bool = False
    protocols: tuple[ProtocolName, ...] = get_args(ProtocolName)
    vertex_predict_route: str | None = None
    """Where Vertex AI sends predictions and asks for the health of its containers."""
    vertex_health_route: str | None = None
    log_level: LogLevel = "INFO"
    log_requests: bool = False
    project: str | None = None
    results_topic: str | None = None
    """`projects/P/topics/T`; None: the log. So for the next."""
    rejects_topic: str | None = None
    results_bucket: str | None = None
    """Where the scored rows of files go; None: files are rejected."""
    max_object_bytes: int = 1024**3
    max_object_rows: int = 10_000_000

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read `env` (for example `os.environ`). Raises `ConfigurationError`."""
        # Vertex AI copies a model's files to a bucket of its own, and names it so.
        model_uri = env.get("MODEL_URI") or env.get("AIP_STORAGE_URI") or None
        model_digest = env.get("MODEL_DIGEST") or None
        if model_digest is not None and not is_digest(model_digest):
            raise ConfigurationError("MODEL_DIGEST", model_digest, "expected sha256: and 64 lower-case hex digits")
        remote = _is_remote(model_uri)
        unpinned = _boolean(env, "ALLOW_UNPINNED_MODEL", default=False)
        if remote and model_digest is None and not unpinned:
            raise ConfigurationError(
                "MODEL_DIGEST",
                None,
                f"a model in a bucket ({model_uri}) must be pinned by the digest that `publish` printed"
                " (or set ALLOW_UNPINNED_MODEL=true, and serve whatever the bucket holds)",
            )
        return cls(
            model_uri=model_uri,
            model_digest=model_digest,
            model_loading=cast(Loading, _choice(env, "MODEL_LOADING", get_args(Loading), cls.model_loading)),
            model_engine=cast(EngineChoice, _choice(env, "MODEL_ENGINE", get_args(EngineChoice), cls.model_engine)),
            max_body_bytes=_positive(env, "MAX_BODY_BYTES", cls.max_body_bytes),
            max_instances_per_request=_positive(env, "MAX_INSTANCES_PER_REQUEST", cls.max_instances_per_request),
            max_concurrent_requests=_positive(env, "MAX_CONCURRENT_REQUESTS", cls.max_concurrent_requests),
            max_bytes_in_flight=_positive(env, "MAX_BYTES_IN_FLIGHT", cls.max_bytes_in_flight),
            request_timeout_s=_positive(env, "REQUEST_TIMEOUT_S", cls.request_timeout_s),
            max_explanations_per_request=_positive(
                env, "MAX_EXPLANATIONS_PER_REQUEST", cls.max_explanations_per_request
            ),
            max_stream_bytes=_positive(env, "MAX_STREAM_BYTES", cls.max_stream_bytes),
            cors_origins=_origins(env, "CORS_ORIGINS"),
            feedback=_boolean(env, "FEEDBACK", default=cls.feedback),
            protocols=_protocols(env, "PROTOCOLS", cls.protocols),
            vertex_predict_route=_path(env, "AIP_PREDICT_ROUTE"),
            vertex_health_route=_path(env, "AIP_HEALTH_ROUTE"),
            log_level=cast(LogLevel, _choice(env, "LOG_LEVEL", get_args(LogLevel), cls.log_level)),
            log_requests=_boolean(env, "LOG_REQUESTS", default=cls.log_requests),
            project=env.get("GOOGLE_CLOUD_PROJECT") or None,
            results_topic=_topic(env, "RESULTS_TOPIC"),
            rejects_topic=_topic(env, "REJECTS_TOPIC"),
            results_bucket=_bucket(env, "RESULTS_BUCKET"),
            max_object_bytes=_positive(env, "MAX_OBJECT_BYTES", cls.max_object_bytes),
            max_object_rows=_positive(env, "MAX_OBJECT_ROWS", cls.max_object_rows),
        )


def _is_remote(model_uri: str | None) -> bool:
    try:
        return model_uri is not None and split_gs_uri(model_uri) is not None
    except ValueError as error:
        raise ConfigurationError("MODEL_URI", model_uri, str(error)) from error


def _choice(env: Mapping[str, str], key: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.get(key)
    if not value:
        return default
    for choice in allowed:
        if value.lower() == choice.lower():
            return choice
    raise ConfigurationError(key, value, f"expected one of {', '.join(allowed)}")


def _positive(env: Mapping[str, str], key: str, default: int) -> int:
    value = env.get(key)
    if not value:
        return default
    # isdecimal accepts other scripts' digits, and int() underscores and spaces: neither is meant here.
    if not (value.isascii() and value.isdecimal()) or len(value) > 12 or int(value) < 1:
        unit = " of bytes" if key.endswith("_BYTES") else ""
        raise ConfigurationError(key, value, f"expected a whole number{unit} from 1 to 999999999999")
    return int(value)


def _boolean(env: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = env.get(key)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ConfigurationError(key, value, "expected true or false")


def _protocols(env: Mapping[str, str], key: str, default: tuple[ProtocolName, ...]) -> tuple[ProtocolName, ...]:
    value = env.get(key, "").lower().strip()
    if not value:
        return default
    names = () if value == "none" else tuple(part.strip() for part in value.split(",") if part.strip())
    for name in names:
        if name not in get_args(ProtocolName):
            allowed = ", ".join(get_args(ProtocolName))
            raise ConfigurationError(key, name, f"expected names among {allowed}, separated by commas, or none")
    return cast(tuple[ProtocolName, ...], names)


def _path(env: Mapping[str, str], key: str) -> str | None:
    value = env.get(key)
    if value and not value.startswith("/"):
        raise ConfigurationError(key, value, "expected a path that begins with /")
    return value or None


def _origins(env: Mapping[str, str], key: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in env.get(key, "").split(",") if part.strip())
    for origin in origins:
        if origin == "*":
            raise ConfigurationError(key, origin, "name each origin, such as https://example.org, separated by commas")
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationError(
                key, origin, "expected origins such as https://example.org, without a path, separated by commas"
            )
    return origins


def _topic(env: Mapping[str, str], key: str) -> str | None:
    """The full name of a topic that may be given without its project."""
    value = env.get(key)
    if not value:
        return None
    match = _TOPIC.fullmatch(value)
    if match is None:
        raise ConfigurationError(key, value, "expected projects/PROJECT/topics/TOPIC, or a topic's short name")
    if match[1] is not None:
        return value
    project = env.get("GOOGLE_CLOUD_PROJECT")
    if not project:
        raise ConfigurationError(key, value, "a short name needs GOOGLE_CLOUD_PROJECT; or give projects/P/topics/T")
    return f"projects/{project}/topics/{value}"


def _bucket(env: Mapping[str, str], key: str) -> str | None:
    value = env.get(key)
    if value and not is_bucket_name(value):
        raise ConfigurationError(key, value, "expected a bucket's name, without gs://")
    return value or None
