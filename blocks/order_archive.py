"""The archive of evidence, as operators edit it in the Prefect UI."""

from typing import Self

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from ordercast.archive.objects import Archive
from ordercast.archive.opening import (
    Addressing,
    ArchiveAddress,
    Connection,
    connect,
    parse_address,
)


class OrderArchive(Block):
    """Where the evidence of every order goes: a directory, or the buckets of an S3 server."""

    _block_type_name = "Order archive"
    _block_type_slug = "order-archive"

    url: str = Field(
        description=(
            "Directory, or scheme and host of the S3 server, without credentials and bucket;"
            " http:// is for tests, since nothing is encrypted then"
        ),
        examples=["file:///var/lib/ordercast/archive", "https://s3.example.com:9000"],
    )
    key: str = Field(default="", description="Access key of the S3 server; a directory needs none")
    secret: SecretStr = Field(default=SecretStr(""), description="Secret that belongs to the key")
    region: str = Field(
        default="", description="Region of the S3 server; empty: the server is asked for it"
    )
    addressing: Addressing = Field(
        default=Addressing.AUTO,
        description=(
            "Where the bucket stands: in the path (MinIO, Ceph), in the host's name (virtual),"
            " or as the host is known to want it (auto)"
        ),
    )
    ca_bundle: str = Field(
        default="",
        description=(
            "PEM file of the authorities to trust, on each machine with a worker; empty: those"
            " that the machine trusts"
        ),
    )
    timeout_seconds: float = Field(
        default=20, gt=0, description="How long one request may take; a call makes up to 3 in 20 s"
    )
    connect_timeout_seconds: float = Field(
        default=5, gt=0, description="How long a new connection may take"
    )

    @classmethod
    def from_url(cls, url: str, connection: Connection | None = None) -> Self:
        """The block of a URL that may hold credentials, as in `ORDERCAST_ARCHIVE__URL`."""
        address = parse_address(url)
        how = connection or Connection()
        return cls(
            url=address.url,
            key=address.key,
            secret=SecretStr(address.secret),
            region=how.region,
            addressing=how.addressing,
            ca_bundle=how.ca_bundle,
            timeout_seconds=how.timeout_seconds,
            connect_timeout_seconds=how.connect_timeout_seconds,
        )

    def get_client(self) -> Archive:
        """An archive for any number of threads; ConfigurationError if a field is unusable."""
        return connect(
            ArchiveAddress(self.url, self.key, self.secret.get_secret_value()),
            Connection(
                region=self.region,
                addressing=self.addressing,
                ca_bundle=self.ca_bundle,
                timeout_seconds=self.timeout_seconds,
                connect_timeout_seconds=self.connect_timeout_seconds,
            ),
        )
