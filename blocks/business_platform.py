"""The business platform, as operators edit it in the Prefect UI."""

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.platform_client import PlatformClient


class BusinessPlatform(Block):
    """The business platform that takes the sealed outcome of every order."""

    _block_type_name = "Business platform"
    _block_type_slug = "business-platform"

    url: str = Field(
        description="Base URL of the platform; orders are put to URL/orders/{order_no}",
        examples=["https://platform.example.com/api"],
    )
    token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token, where the platform asks for one"
    )
    timeout_seconds: float = Field(
        default=10, gt=0, description="How long one request may take; a call makes up to 3 in 20 s"
    )

    def get_client(self) -> PlatformClient:
        """A client for any number of threads; ConfigurationError if url or token are unusable."""
        return PlatformClient(
            self.url, self.token.get_secret_value(), timeout_seconds=self.timeout_seconds
        )
