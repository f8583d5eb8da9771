"""Makes the secrets that compose.yaml names, once, in the directory `secrets` beside it.

`python3 deploy/make_secrets.py` needs nothing but Python. It refuses where there are some
already: the databases were made with those.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

DIRECTORY = Path(__file__).parent / "secrets"
WHO = ("ordercast", "prefect", "platform", "operator", "broker", "token", "s3", "postgres")

TEMPLATES = {
    "ORDERCAST_DATABASE__URL": "postgresql://ordercast:{ordercast}@postgres/ordercast",
    "ORDERCAST_SEALING_KEYS": "{sealing_key}",
    "ORDERCAST_ARCHIVE__URL": "http://ordercast:{s3}@minio:9000",
    "ORDERCAST_BROKER__URL": "amqp://ordercast:{broker}@rabbitmq:5672/",
    "ORDERCAST_PREFECT__AUTH_STRING": "operator:{operator}",
    "ORDERCAST_PLATFORM__DATABASE_URL": "postgresql://platform:{platform}@postgres/platform",
    "ORDERCAST_PLATFORM__TOKEN": "{token}",
    "postgres_password": "{postgres}",
    "minio_user": "ordercast",
    "minio_password": "{s3}",
    "databases.sql": """\
CREATE ROLE ordercast LOGIN PASSWORD '{ordercast}';
CREATE ROLE prefect LOGIN PASSWORD '{prefect}';
CREATE ROLE platform LOGIN PASSWORD '{platform}';
CREATE DATABASE ordercast OWNER ordercast;
CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE platform OWNER platform;
""",
    "prefect.secrets.env": """\
PREFECT_API_DATABASE_CONNECTION_URL=postgresql+asyncpg://prefect:{prefect}@postgres/prefect
PREFECT_REDIS_MESSAGING_URL=redis://redis:6379/0
PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL=redis://redis:6379/0
PREFECT_SERVER_DOCKET_URL=redis://redis:6379/0
PREFECT_SERVER_API_AUTH_STRING=operator:{operator}
PREFECT_SERVER_ENCRYPTION_KEY={encryption_key}
""",
    "rabbitmq.conf": "default_user = ordercast\ndefault_pass = {broker}\n",
}


def make(directory: Path) -> None:
    """Write every file, with passwords that fit each other and are safe in a URL."""
    values = {name: secrets.token_urlsafe(24) for name in WHO}
    values |= {name: fernet_key() for name in ("sealing_key", "encryption_key")}
    directory.mkdir(mode=0o700)
    for name, template in TEMPLATES.items():
        (directory / name).write_text(template.format(**values))


def fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY)
    except FileExistsError as error:
        sys.exit(f"{error.filename} is there already: move it away to make new ones")
