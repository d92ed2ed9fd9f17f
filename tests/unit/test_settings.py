import pytest

from predictor.errors import ConfigurationError
from predictor.settings import Settings

DIGEST = "sha256:" + "0" * 64


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_empty_values_count_as_unset() -> None:
    keys: tuple[str, ...] = (
        "MODEL_URI",
        "MODEL_DIGEST",
        "MODEL_LOADING",
        "MODEL_ENGINE",
        "MAX_BODY_BYTES",
        "CORS_ORIGINS",
        "LOG_LEVEL",
    )
    keys += ("RESULTS_TOPIC", "REJECTS_TOPIC", "RESULTS_BUCKET", "MAX_OBJECT_BYTES", "MAX_OBJECT_ROWS")
    assert Settings.from_env(dict.fromkeys(keys, "")) == Settings()


def test_every_setting_is_read() -> None:
    settings = Settings.from_env(
        {
            "MODEL_URI": "gs://bucket/root/version",
            "MODEL_DIGEST": DIGEST,
            "MODEL_LOADING": "Eager",
            "MODEL_ENGINE": "sklearn",
            "MAX_BODY_BYTES": "2048",
            "MAX_INSTANCES_PER_REQUEST": "10",
            "MAX_STREAM_BYTES": "4000000",
            "CORS_ORIGINS": "https://a.example, http://localhost:3000",
            "LOG_LEVEL": "debug",
            "LOG_REQUESTS": "true",
            "GOOGLE_CLOUD_PROJECT": "my-project",
            "PROTOCOLS": "v2, BigQuery",
            "AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict",
            "AIP_HEALTH_ROUTE": "/v1/endpoints/7",
            "RESULTS_TOPIC": "projects/other/topics/results",
            "REJECTS_TOPIC": "rejects",
            "RESULTS_BUCKET": "my-results",
            "MAX_OBJECT_BYTES": "4096",
            "MAX_OBJECT_ROWS": "20",
        }
    )
    assert settings.model_uri == "gs://bucket/root/version"
    assert settings.model_digest == DIGEST
    assert settings.model_loading == "eager"
    assert settings.model_engine == "sklearn"
    assert settings.max_body_bytes == 2048
    assert settings.max_instances_per_request == 10
    assert settings.max_stream_bytes == 4_000_000
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert settings.log_level == "DEBUG"
    assert settings.log_requests is True
    assert settings.protocols == ("v2", "bigquery")
    assert settings.vertex_predict_route == "/v1/endpoints/7:predict"
    assert settings.vertex_health_route == "/v1/endpoints/7"
    assert settings.project == "my-project"
    assert settings.results_topic == "projects/other/topics/results"
    assert settings.rejects_topic == "projects/my-project/topics/rejects"
    assert settings.results_bucket == "my-results"
    assert settings.max_object_bytes == 4096
    assert settings.max_object_rows == 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MODEL_URI", "s3://bucket/root"),
        ("MODEL_URI", "gs://"),
        ("MODEL_URI", "gs:///root/version"),
        ("ALLOW_UNPINNED_MODEL", "perhaps"),
        ("MODEL_DIGEST", "0" * 64),
        ("MODEL_DIGEST", "sha256:" + "G" * 64),
        ("MODEL_DIGEST", "sha256:" + "0" * 63),
        ("MODEL_LOADING", "sometimes"),
        ("MODEL_ENGINE", "tensorflow"),
        ("MAX_BODY_BYTES", "1 MiB"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BODY_BYTES", "1_000"),
        ("MAX_BODY_BYTES", "٣"),
        ("MAX_BODY_BYTES", "9" * 5000),
        ("MAX_INSTANCES_PER_REQUEST", "many"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("PROTOCOLS", "v3"),
        ("AIP_PREDICT_ROUTE", "predict"),
        ("AIP_HEALTH_ROUTE", "health"),
        ("LOG_LEVEL", "chatty"),
        ("LOG_REQUESTS", "perhaps"),
        ("RESULTS_TOPIC", "results"),
        ("RESULTS_TOPIC", "projects/p/topics/"),
        ("RESULTS_TOPIC", "projects/p/subscriptions/results"),
        ("REJECTS_TOPIC", "topics/rejects"),
        ("RESULTS_BUCKET", "gs://bucket"),
        ("MAX_OBJECT_BYTES", "1 GB"),
        ("MAX_OBJECT_ROWS", "0"),
    ],
)
def test_the_error_for_a_bad_value_names_key_and_value(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({key: value})
    assert caught.value.key == key
    assert key in str(caught.value)
    assert repr(value) in str(caught.value)


def test_a_model_in_a_bucket_must_be_pinned() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"MODEL_URI": "gs://bucket/root/version"})
    assert caught.value.key == "MODEL_DIGEST"
    assert "is not set" in str(caught.value)


def test_an_unpinned_model_can_be_allowed() -> None:
    env = {"MODEL_URI": "gs://bucket/root/version", "ALLOW_UNPINNED_MODEL": "true"}
    assert Settings.from_env(env).model_digest is None


def test_vertex_ai_names_the_model_and_it_must_be_pinned() -> None:
    env = {"AIP_STORAGE_URI": "gs://vertex/7/artifacts"}
    with pytest.raises(ConfigurationError, match="MODEL_DIGEST is not set"):
        Settings.from_env(env)
    assert Settings.from_env({**env, "MODEL_DIGEST": DIGEST}).model_uri == "gs://vertex/7/artifacts"
    assert Settings.from_env({**env, "MODEL_URI": "models/v1"}).model_uri == "models/v1"


def test_no_protocol_can_be_chosen() -> None:
    assert Settings.from_env({"PROTOCOLS": "none"}).protocols == ()


def test_a_local_folder_needs_no_pin() -> None:
    assert Settings.from_env({"MODEL_URI": "models/v1"}).model_uri == "models/v1"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("CORS_ORIGINS", "*", r"CORS_ORIGINS is '\*': name each origin, such as https://example\.org"),
        ("CORS_ORIGINS", "https://a.example/", "such as https://example.org, without a path"),
        ("MAX_BODY_BYTES", "1MB", "expected a whole number of bytes from 1"),
        ("MAX_INSTANCES_PER_REQUEST", "many", "expected a whole number from 1"),
    ],
)
def test_the_message_says_what_to_write(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_env({key: value})
