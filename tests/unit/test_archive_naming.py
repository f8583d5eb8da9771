"""Names of buckets and keys, and addresses of archives."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError

from ordercast.archive.file_archive import FileArchive
from ordercast.archive.naming import bucket_name, object_key
from ordercast.archive.opening import Addressing, Connection, open_archive, parse_address
from ordercast.archive.patient_archive import PatientArchive
from ordercast.domain.errors import ConfigurationError, TransientFault

S3_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
tags = st.text(min_size=1).filter(lambda text: text.isprintable())
prefixes = st.sampled_from(["ordercast-", "a", "evidence-" * 4, "0" * 40])


@given(prefix=prefixes, tag=tags)
def test_every_tag_has_a_bucket_name_that_s3_allows(prefix: str, tag: str) -> None:
    name = bucket_name(prefix, tag)
    assert S3_NAME.fullmatch(name)
    assert name.startswith(prefix)
    assert not name.endswith(("-s3alias", "--ol-s3", "--x-s3", "--table-s3"))


@given(prefix=prefixes, first=tags, second=tags)
def test_two_tags_never_share_a_bucket(prefix: str, first: str, second: str) -> None:
    same = bucket_name(prefix, first) == bucket_name(prefix, second)
    assert same == (first == second)


@given(tag=st.text(alphabet="IOTiot-. ", min_size=1, max_size=4))
def test_tags_that_read_alike_do_not_share_a_bucket(tag: str) -> None:
    if tag != "iot":
        assert bucket_name("ordercast-", tag) != bucket_name("ordercast-", "iot")


def test_a_plain_tag_stands_in_the_bucket_name_as_it_is() -> None:
    assert bucket_name("ordercast-", "iot") == "ordercast-iot"
    assert bucket_name("ordercast-", "agent-x-5g") == "ordercast-agent-x-5g"


def test_a_chinese_tag_always_gives_the_same_name() -> None:
    assert bucket_name("ordercast-", "物联网") == "ordercast-tag-85a15fb222"
    assert bucket_name("ordercast-", "华东 IoT") == "ordercast-iot-c0b6c0deb6"


def test_a_tag_cannot_pass_for_the_digest_of_another() -> None:
    taken = bucket_name("ordercast-", "IoT")
    assert bucket_name("ordercast-", taken.removeprefix("ordercast-")) != taken


@pytest.mark.parametrize("prefix", ["", "-a", "Ordercast-", "xn--a", "a.b", "a" * 41, "单"])
def test_a_prefix_that_s3_does_not_allow_is_refused_with_its_cure(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="ORDERCAST_ARCHIVE__BUCKET_PREFIX"):
        bucket_name(prefix, "iot")


def test_the_key_takes_the_day_out_of_the_order_number() -> None:
    key = object_key("ord-20261122-ab3def", 2)
    assert key == "2026/11/22/ord-20261122-ab3def/v2.json.gz"


@pytest.mark.parametrize(
    ("order_no", "version"),
    [("ord-2026112-abcdef", 1), ("../../etc", 1), ("ord-20261122-a/b", 1), ("ord-20261122-ab", 0)],
)
def test_there_is_no_key_for_what_is_not_an_order(order_no: str, version: int) -> None:
    with pytest.raises(ValueError, match="there is no key"):
        object_key(order_no, version)


def test_a_file_url_opens_the_directory_it_names(tmp_path: Path) -> None:
    archive = open_archive((tmp_path / "归档 1").as_uri())
    assert isinstance(archive, PatientArchive)
    assert isinstance(archive.archive, FileArchive)
    assert archive.archive.directory == tmp_path / "归档 1"


@given(key=st.text(min_size=1, max_size=20), secret=st.text(min_size=1, max_size=40))
def test_any_key_and_secret_can_be_written_in_a_url(key: str, secret: str) -> None:
    address = parse_address(
        f"https://{quote(key, safe='')}:{quote(secret, safe='')}@s3.example.com"
    )
    assert (address.key, address.secret) == (key, secret)
    assert address.url == "https://s3.example.com"


def test_an_address_shows_its_key_and_not_its_secret() -> None:
    shown = repr(parse_address("https://the-key:s3cr%2Ft@s3.example.com"))
    assert "the-key" in shown
    assert "s3cr" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "https://key:s3cr/t@s3.example.com",
        "https://key:s3cr#t@s3.example.com",
        "https://key:s3cr?t@s3.example.com",
        "https://key:s3cr[t@s3.example.com",
        "https://key:s3cr℀t@s3.example.com",
        "https://key:s3crt@s3.example.com/bucket",
        "https://key:s3crt@s3.example.com:port",
        "https://key:s3crt@bad_host!",
        "https://key:s3crt@",
        "s3://key:s3crt@s3.example.com",
        "https://s3crt@s3.example.com",
        "https://s3.example.com",
        "file://relative/s3crt",
        "s3crt",
        "",
    ],
)
def test_an_unfit_url_is_told_with_its_cure_and_without_its_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ORDERCAST_ARCHIVE__URL") as told:
        open_archive(url)
    assert "s3cr" not in str(told.value)
    assert "URL-encoded" in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    ("addressing", "host", "path"),
    [
        (Addressing.AUTO, "s3.example.com", "/iot/key"),
        (Addressing.PATH, "s3.example.com", "/iot/key"),
        (Addressing.VIRTUAL, "iot.s3.example.com", "/key"),
    ],
)
def test_the_bucket_stands_where_the_addressing_says(
    addressing: Addressing, host: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(_: PoolManager, method: str, url: str, **more: object) -> None:
        asked.append(url)
        raise ProtocolError("nobody")

    monkeypatch.setattr(PoolManager, "urlopen", ask)
    connection = Connection(region="r", addressing=addressing)
    archive = open_archive("https://key:secret@s3.example.com", connection)
    assert isinstance(archive, PatientArchive)
    with pytest.raises(TransientFault):
        archive.archive.stat("iot", "key")
    assert asked == [f"https://{host}{path}"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_bundle_that_cannot_be_used_is_told_by_its_field(
    tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ConfigurationError, match="`ca_bundle` of the block `order-archive`"):
        open_archive("https://key:secret@host", Connection(ca_bundle=str(bundle)))
