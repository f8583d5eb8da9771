"""Database URLs as people write them, with the drivers that Ordercast brings."""

POSTGRESQL = ("postgresql", "postgres")


def for_ordercast(url: str) -> str:
    """A PostgreSQL URL that names no driver, with psycopg; any other URL as it is."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in POSTGRESQL else url


def for_prefect(url: str) -> str:
    """A PostgreSQL URL with asyncpg, which spells `sslmode` as `ssl`; any other URL as it is."""
    scheme, separator, rest = url.partition("://")
    if scheme.partition("+")[0] not in POSTGRESQL:
        return url
    place, mark, query = rest.partition("?")
    return f"postgresql+asyncpg{separator}{place}{mark}{query.replace('sslmode=', 'ssl=')}"
