"""What a real S3 server refuses: each a fault of the right kind that names its cure."""

from datetime import timedelta
from urllib.parse import urlsplit

import minio.time
import pytest

from ordercast.archive.opening import Connection, open_archive
from ordercast.archive.patient_archive import PatientArchive
from ordercast.domain.errors import CredentialsRefused, PermanentFault, TransientFault
from tests.services.ceph import S3User
from tests.services.evidence import body_of, evidence, fresh_bucket
from tests.services.s3_server import S3Server
from tests.waiting import free_port

pytestmark = pytest.mark.service

SECRET = "not-so-secret"
regions = pytest.mark.parametrize("region", ["", "us-east-1"])


def put(url: str, bucket: str = "", *, region: str = "") -> None:
    kept = evidence(bucket=bucket or fresh_bucket())
    open_archive(url, Connection(region=region)).put(kept)


@regions
def test_an_unknown_key_is_told_with_the_fields_to_check(s3_server: S3Server, region: str) -> None:
    url = s3_server.url_of(S3User("NOBODY", SECRET))
    with pytest.raises(CredentialsRefused, match=r"InvalidAccessKeyId.*`key` and `secret`") as told:
        put(url, region=region)
    assert SECRET not in str(told.value)


@regions
def test_a_wrong_secret_is_told_without_telling_it(s3_server: S3Server, region: str) -> None:
    url = s3_server.url_of(S3User(urlsplit(s3_server.url).username or "", SECRET))
    with pytest.raises(CredentialsRefused, match=r"SignatureDoesNotMatch.*check `key`") as told:
        put(url, region=region)
    assert SECRET not in str(told.value)


@regions
def test_a_bucket_of_somebody_else_is_told_with_the_prefix_to_change(
    s3_server: S3Server, region: str
) -> None:
    another = s3_server.own.add_user(f"another-{region or 'anywhere'}")
    bucket = fresh_bucket()
    put(s3_server.url_of(another), bucket)
    with pytest.raises(PermanentFault, match="ORDERCAST_ARCHIVE__BUCKET_PREFIX"):
        put(s3_server.url, bucket, region=region)


def test_a_key_that_may_not_make_buckets_is_told_which_right_it_needs(s3_server: S3Server) -> None:
    poor = s3_server.own.add_user("poor", "--max-buckets=-1")
    with pytest.raises(CredentialsRefused, match=r"AccessDenied.*s3:CreateBucket"):
        put(s3_server.url_of(poor))


def test_a_key_that_may_make_no_more_buckets_is_told_so(s3_server: S3Server) -> None:
    modest = s3_server.own.add_user("modest", "--max-buckets=1")
    put(s3_server.url_of(modest))
    with pytest.raises(PermanentFault, match=r"TooManyBuckets.*limit raised"):
        put(s3_server.url_of(modest))


def test_a_suspended_account_is_told_as_such(s3_server: S3Server) -> None:
    late = s3_server.own.add_user("late")
    s3_server.own.suspend_user("late")
    with pytest.raises(CredentialsRefused, match=r"UserSuspended.*account of the key enabled"):
        put(s3_server.url_of(late))


def test_a_withdrawn_key_is_refused_and_the_next_one_works(s3_server: S3Server) -> None:
    ceph, bucket = s3_server.own, fresh_bucket()
    first = ceph.add_user("rotating")
    put(s3_server.url_of(first), bucket)
    second = ceph.add_key("rotating")
    ceph.withdraw_key("rotating", first.key)
    with pytest.raises(CredentialsRefused, match="InvalidAccessKeyId"):
        put(s3_server.url_of(first), bucket)
    put(s3_server.url_of(second), bucket)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_is_told_as_such(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    right = minio.time.utcnow
    monkeypatch.setattr(minio.time, "utcnow", lambda: right() + timedelta(hours=hours))
    with pytest.raises(PermanentFault, match=r"RequestTimeTooSkewed.*NTP"):
        put(s3_server.url)


def test_a_region_that_the_server_does_not_know_is_told_as_such(s3_server: S3Server) -> None:
    with pytest.raises(PermanentFault, match="ORDERCAST_ARCHIVE__REGION"):
        put(s3_server.url, region="eu-north-9")


def test_tls_at_a_door_without_it_is_told_as_such(s3_server: S3Server) -> None:
    with pytest.raises(PermanentFault, match="write http:// in `url`"):
        put(s3_server.url.replace("http:", "https:"))


def test_a_door_with_tls_that_is_spoken_to_without_it_tells_to_check_the_scheme(
    s3_server: S3Server,
) -> None:
    archive = open_archive(f"http://key:secret@{s3_server.own.tls_endpoint}")
    assert isinstance(archive, PatientArchive)
    with pytest.raises(TransientFault, match="check scheme, host and port of `url`"):
        archive.archive.put(evidence(bucket=fresh_bucket()))


def test_a_server_that_is_not_there_passes_and_one_without_a_name_does_not() -> None:
    nobody = open_archive(f"http://key:secret@127.0.0.1:{free_port()}")
    assert isinstance(nobody, PatientArchive)
    with pytest.raises(TransientFault, match=r"Connection refused.*see whether the server runs"):
        nobody.archive.put(evidence(bucket=fresh_bucket()))


def test_a_door_that_shuts_and_opens_again_is_an_outage_and_no_more(s3_server: S3Server) -> None:
    kept = evidence(bucket=fresh_bucket())
    archive = open_archive(s3_server.url)
    archive.put(kept)
    s3_server.own.stop_gateway()
    try:
        assert isinstance(archive, PatientArchive)
        with pytest.raises(TransientFault):
            archive.archive.put(kept)
    finally:
        s3_server.own.start_gateway()
    assert body_of(archive, kept.bucket, kept.key) == kept.body
