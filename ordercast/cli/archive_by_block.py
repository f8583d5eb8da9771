"""The archive as the commands see it."""

from ordercast.archive.objects import Archive


def default_archive() -> Archive:
    """The archive by its block; imported late, since Prefect takes its time to load."""
    from blocks.loading import order_archive  # noqa: PLC0415

    return order_archive()
