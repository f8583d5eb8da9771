"""The block of the archive: what operators fill in, and what it opens."""

from dataclasses import fields
from pathlib import Path

import pytest
from prefect.blocks.core import Block

from blocks.order_archive import OrderArchive
from ordercast.archive.opening import Connection
from ordercast.domain.errors import ConfigurationError


def test_the_credentials_of_a_url_become_fields_of_their_own() -> None:
    how = Connection(region="cn-north")
    block = OrderArchive.from_url("https://the-key:s3cr%2Ft@s3.example.com:9000", how)
    assert (block.url, block.key, block.region) == (
        "https://s3.example.com:9000",
        "the-key",
        "cn-north",
    )
    assert block.secret.get_secret_value() == "s3cr/t"
    assert "s3cr" not in repr(block)


def test_a_block_of_a_directory_opens_it(tmp_path: Path) -> None:
    archive = OrderArchive.from_url(tmp_path.as_uri()).get_client()
    assert archive.stat("ordercast-iot", "2026/v1.json.gz") is None


@pytest.mark.parametrize(
    "block",
    [
        OrderArchive(url="https://s3.example.com"),
        OrderArchive(url="https://key:s3cret@s3.example.com", key="key", secret="s3cret"),  # pyright: ignore[reportArgumentType]
        OrderArchive(url="s3.example.com", key="key", secret="s3cret"),  # pyright: ignore[reportArgumentType]
        OrderArchive(url="https://s3.example.com", key="k", secret="s3cret", region="no region!"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_block_that_is_filled_in_wrongly_says_what_to_write(block: OrderArchive) -> None:
    with pytest.raises(ConfigurationError, match="URL-encoded") as told:
        block.get_client()
    assert "s3cret" not in str(told.value)


def test_every_field_of_the_block_is_described() -> None:
    own = OrderArchive.model_fields.keys() - Block.model_fields.keys()
    connection = {each.name for each in fields(Connection)}
    assert own == {"url", "key", "secret"} | connection
    assert all(OrderArchive.model_fields[name].description for name in own)
    assert OrderArchive.get_block_type_slug() == "order-archive"
