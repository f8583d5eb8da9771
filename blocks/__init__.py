"""What operators edit in the Prefect UI; `prefect block register --module blocks` makes it known."""

from blocks.business_platform import BusinessPlatform
from blocks.order_archive import OrderArchive

__all__ = ["BusinessPlatform", "OrderArchive"]
