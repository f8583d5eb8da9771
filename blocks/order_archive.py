"""The archive of evidence, as operators edit it in the Prefect UI."""

from typing import Self

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from ordercast.archive.objects import Archive
from ordercast.archive.opening import ArchiveAddress, connect, parse_address


class OrderArchive(Block):
    """Where the evidence of every order goes: a directory, or the buckets of an S3 server."""

    _block_type_name = "Order archive"
    _block_type_slug = "order-archive"

    url: str = Field(
        description="Directory or S3 server, without credentials",
        examples=["file:///var/lib/ordercast/archive", "https://s3.example.com:9000"],
    )
    key: str = Field(default="", description="Access key of the S3 server; a directory needs none")
    secret: SecretStr = Field(default=SecretStr(""), description="Secret that belongs to the key")
    region: str = Field(
        default="", description="Region of the S3 server; empty: the server is asked for it"
    )
    timeout_seconds: float = Field(
        default=20, gt=0, description="How long one request may take; a call makes up to 3 in 20 s"
    )

    @classmethod
    def from_url(cls, url: str, *, region: str = "", timeout_seconds: float = 20) -> Self:
        """The block of a URL that may hold credentials, as in `ORDERCAST_ARCHIVE__URL`."""
        address = parse_address(url)
        return cls(
            url=address.url,
            key=address.key,
            secret=SecretStr(address.secret),
            region=region,
            timeout_seconds=timeout_seconds,
        )

    def get_client(self) -> Archive:
        """An archive for any number of threads; ConfigurationError if a field is unusable."""
        return connect(
            ArchiveAddress(self.url, self.key, self.secret.get_secret_value()),
            region=self.region,
            timeout_seconds=self.timeout_seconds,
        )
