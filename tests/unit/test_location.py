import pytest

from predictor.location import MAX_OBJECT_NAME_BYTES, gs_uri, is_bucket_name, is_object_name, split_gs_uri


@pytest.mark.parametrize("name", ["abc", "my-bucket", "a.b.c", "9_lives", "a" * 222])
def test_names_that_a_bucket_can_have(name: str) -> None:
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name", ["", "ab", "-abc", "abc-", "Abc", "a/b/c", "gs://abc", "abc\n", "bück", "a b c", "a" * 223]
)
def test_names_that_no_bucket_can_have(name: str) -> None:
    assert not is_bucket_name(name)


def test_an_object_name_has_1_to_1024_bytes_and_no_line_end() -> None:
    assert is_object_name("folder/ä b#?.csv")
    assert is_object_name("x" * MAX_OBJECT_NAME_BYTES)
    assert not is_object_name("")
    assert not is_object_name("ä" * (MAX_OBJECT_NAME_BYTES // 2) + "x")
    assert not is_object_name("two\nlines")
    assert not is_object_name("two\rlines")


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("gs://bucket/root/version", ("bucket", "root/version")),
        ("gs://bucket/", ("bucket", "")),
        ("gs://bucket", ("bucket", "")),
        ("models/v1", None),
        ("/models", None),
        ("", None),
    ],
)
def test_a_uri_in_a_bucket_is_split_and_a_folder_is_not(uri: str, parts: tuple[str, str] | None) -> None:
    assert split_gs_uri(uri) == parts


def test_joining_and_splitting_are_inverse() -> None:
    assert gs_uri("bucket", "a/b") == "gs://bucket/a/b"
    assert split_gs_uri(gs_uri("bucket", "a/b")) == ("bucket", "a/b")


@pytest.mark.parametrize(
    ("uri", "message"),
    [("gs://", "names no bucket"), ("gs:///root", "names no bucket"), ("s3://bucket/root", "expected gs://")],
)
def test_a_uri_of_another_kind_is_an_error(uri: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_gs_uri(uri)
