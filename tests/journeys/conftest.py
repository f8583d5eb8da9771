"""The servers that journeys share with the service tests."""

from tests.services.conftest import s3_server

__all__ = ["s3_server"]
