"""What only S3 can do wrong, at a real server."""

import io
from urllib.parse import urlsplit

import pytest
from minio import Minio

from ordercast.archive.naming import bucket_name
from ordercast.archive.opening import open_archive
from ordercast.archive.verifying import differences
from ordercast.domain.errors import PermanentFault
from tests.services.conftest import S3Server
from tests.services.evidence import KEY, evidence, fresh_bucket
from tests.services.test_archive import Indexed

pytestmark = pytest.mark.service


def plain_client(server: S3Server) -> Minio:
    """S3 without Ordercast, as an operator would use it."""
    parts = urlsplit(server.url)
    host = parts.netloc.rpartition("@")[2]
    secure = parts.scheme == "https"
    return Minio(host, access_key=parts.username, secret_key=parts.password, secure=secure)


def with_credentials(url: str, key: str, secret: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{key}:{secret}@{rest.rpartition('@')[2]}"


@pytest.mark.parametrize("region", ["", "us-east-1"])
def test_an_unknown_key_is_a_permanent_fault_that_says_what_to_check(
    s3_server: S3Server, region: str
) -> None:
    url = with_credentials(s3_server.url, "NOBODY", "not-so-secret")
    with pytest.raises(PermanentFault, match=r"InvalidAccessKeyId.*check key and secret") as told:
        open_archive(url, region=region).put(evidence(bucket=fresh_bucket()))
    assert "not-so-secret" not in str(told.value)


@pytest.mark.parametrize("region", ["", "us-east-1"])
def test_a_wrong_secret_is_a_permanent_fault_that_does_not_tell_it(
    s3_server: S3Server, region: str
) -> None:
    key = urlsplit(s3_server.url).username or ""
    url = with_credentials(s3_server.url, key, "not-so-secret")
    with pytest.raises(PermanentFault, match=r"SignatureDoesNotMatch.*check key") as told:
        open_archive(url, region=region).put(evidence(bucket=fresh_bucket()))
    assert "not-so-secret" not in str(told.value)


@pytest.mark.parametrize("region", ["", "us-east-1"])
def test_a_bucket_of_somebody_else_is_a_permanent_fault_that_names_the_prefix(
    s3_server: S3Server, region: str
) -> None:
    if s3_server.url_of_another is None:
        pytest.skip("no other user: set ORDERCAST_TEST_S3_URL_OF_ANOTHER")
    taken = evidence(bucket=fresh_bucket())
    open_archive(s3_server.url_of_another).put(taken)
    with pytest.raises(PermanentFault, match="ORDERCAST_ARCHIVE__BUCKET_PREFIX"):
        open_archive(s3_server.url, region=region).put(taken)


def test_a_region_that_the_server_does_not_know_is_a_permanent_fault(s3_server: S3Server) -> None:
    with pytest.raises(PermanentFault, match="ORDERCAST_ARCHIVE__REGION"):
        open_archive(s3_server.url, region="eu-north-9").put(evidence(bucket=fresh_bucket()))


def test_operators_find_the_tags_as_object_tags(s3_server: S3Server) -> None:
    kept = evidence(bucket=fresh_bucket(), tags=("iot", "agent:x", "华东", "50% & more"))
    open_archive(s3_server.url).put(kept)
    tags = plain_client(s3_server).get_object_tags(kept.bucket, kept.key)
    assert tags == {
        "iot": "primary",
        "agent:x": "further",
        "华东": "further",
        "50_ _ more": "further",
    }


def test_an_object_that_lost_its_notes_is_mended_by_the_next_put(s3_server: S3Server) -> None:
    kept = evidence(bucket=fresh_bucket())
    client, archive = plain_client(s3_server), open_archive(s3_server.url)
    client.make_bucket(kept.bucket)
    client.put_object(kept.bucket, kept.key, io.BytesIO(kept.body), len(kept.body))
    assert differences(archive, Indexed.of(kept)) == ["no notes beside it"]
    archive.put(kept)
    assert differences(archive, Indexed.of(kept)) == []


def test_an_object_altered_behind_our_back_is_found_and_not_written_over(
    s3_server: S3Server,
) -> None:
    kept = evidence(bucket=fresh_bucket())
    client, archive = plain_client(s3_server), open_archive(s3_server.url)
    archive.put(kept)
    client.put_object(kept.bucket, KEY, io.BytesIO(b"forged!"), 7, metadata={"sha256": kept.sha256})
    assert differences(archive, Indexed.of(kept))[0].startswith("altered")
    with pytest.raises(PermanentFault, match="already holds other evidence"):
        archive.put(kept)


def test_the_server_takes_the_longest_bucket_name(s3_server: S3Server) -> None:
    kept = evidence(bucket=bucket_name(fresh_bucket("a")[:39] + "-", "长" * 90))
    open_archive(s3_server.url).put(kept)
    assert open_archive(s3_server.url).get(kept.bucket, kept.key) == kept.body
