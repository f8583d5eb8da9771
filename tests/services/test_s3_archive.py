"""What only S3 can do wrong, at a real server."""

import io
import tracemalloc
from pathlib import Path

import pytest

from ordercast.archive import s3_archive
from ordercast.archive.naming import bucket_name
from ordercast.archive.objects import digest
from ordercast.archive.opening import Addressing, Connection, open_archive
from ordercast.archive.verifying import differences
from ordercast.domain.errors import ConfigurationError, PermanentFault
from tests.services.evidence import KEY, body_of, evidence, fresh_bucket
from tests.services.s3_server import S3Server
from tests.services.test_archive import Indexed

pytestmark = pytest.mark.service


def test_operators_find_the_tags_as_object_tags(s3_server: S3Server) -> None:
    kept = evidence(bucket=fresh_bucket(), tags=("iot", "agent:x", "华东", "50% & more"))
    open_archive(s3_server.url).put(kept)
    tags = s3_server.plain_client.get_object_tags(kept.bucket, kept.key)
    assert tags == {
        "iot": "primary",
        "agent:x": "further",
        "华东": "further",
        "50_ _ more": "further",
    }


def test_an_object_that_lost_its_notes_is_mended_by_the_next_put(s3_server: S3Server) -> None:
    kept = evidence(bucket=fresh_bucket())
    client, archive = s3_server.plain_client, open_archive(s3_server.url)
    client.make_bucket(kept.bucket)
    client.put_object(kept.bucket, kept.key, io.BytesIO(kept.body), len(kept.body))
    assert differences(archive, Indexed.of(kept)) == ["no notes beside it"]
    archive.put(kept)
    assert differences(archive, Indexed.of(kept)) == []


def test_an_object_altered_behind_our_back_is_found_and_not_written_over(
    s3_server: S3Server,
) -> None:
    kept = evidence(bucket=fresh_bucket())
    client, archive = s3_server.plain_client, open_archive(s3_server.url)
    archive.put(kept)
    client.put_object(kept.bucket, KEY, io.BytesIO(b"forged!"), 7, metadata={"sha256": kept.sha256})
    assert differences(archive, Indexed.of(kept))[0].startswith("altered")
    with pytest.raises(PermanentFault, match="already holds other evidence"):
        archive.put(kept)


def test_the_server_takes_the_longest_bucket_name(s3_server: S3Server) -> None:
    kept = evidence(bucket=bucket_name(fresh_bucket("a")[:39] + "-", "长" * 90))
    open_archive(s3_server.url).put(kept)
    assert body_of(open_archive(s3_server.url), kept.bucket, kept.key) == kept.body


def test_a_large_object_goes_up_in_parts_and_comes_back_whole(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_archive, "PART_BYTES", 5 * 2**20)
    kept = evidence(bytes(range(256)) * (48 * 2**10), bucket=fresh_bucket(), tags=("iot", "large"))
    archive = open_archive(s3_server.url)
    archive.put(kept)
    archive.put(kept)
    assert "-3" in str(s3_server.plain_client.stat_object(kept.bucket, kept.key).etag)
    assert differences(archive, Indexed.of(kept)) == []


def test_verifying_holds_only_a_piece_of_an_object_in_memory(s3_server: S3Server) -> None:
    kept = evidence(b"0123456789abcdef" * (2 * 2**20), bucket=fresh_bucket())
    archive = open_archive(s3_server.url)
    archive.put(kept)
    expected, size = kept.sha256, len(kept.body)
    tracemalloc.start()
    try:
        assert digest(archive, kept.bucket, kept.key) == (expected, size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 4


def test_a_part_of_an_object_is_read_from_where_it_is_asked_for(s3_server: S3Server) -> None:
    kept = evidence(b"0123456789", bucket=fresh_bucket())
    archive = open_archive(s3_server.url)
    archive.put(kept)
    assert b"".join(archive.read(kept.bucket, kept.key, offset=7)) == b"789"


def test_a_server_with_a_certificate_of_its_own_is_trusted_by_its_file(
    s3_server: S3Server, tmp_path: Path
) -> None:
    ceph = s3_server.own
    url = s3_server.url.replace("http:", "https:").replace(ceph.endpoint, ceph.tls_endpoint)
    trusting = Connection(ca_bundle=str(ceph.certificate), addressing=Addressing.PATH)
    kept = evidence(bucket=fresh_bucket())
    open_archive(url, trusting).put(kept)
    assert body_of(open_archive(s3_server.url), kept.bucket, kept.key) == kept.body
    with pytest.raises(PermanentFault, match="`ca_bundle`"):
        open_archive(url).put(kept)
    with pytest.raises(PermanentFault, match="check the host"):
        open_archive(url.replace("localhost", "127.0.0.1"), trusting).put(kept)
    with pytest.raises(ConfigurationError, match="ORDERCAST_ARCHIVE__CA_BUNDLE"):
        open_archive(url, Connection(ca_bundle=str(tmp_path / "nowhere.pem")))
