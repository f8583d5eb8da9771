"""What operators edit in the Prefect UI; `prefect block register --module blocks` tells of it."""

from blocks.business_platform import BusinessPlatform
from blocks.order_archive import OrderArchive

__all__ = ["BusinessPlatform", "OrderArchive"]
