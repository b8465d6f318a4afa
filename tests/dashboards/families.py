"""What homecoming's /metrics holds: names, kinds, labels, and values that a shop like ours might have.

`ALL` is compared with a real service by catalogue.py, so a metric that the service gains or loses is noticed.
"""

from dataclasses import dataclass
from typing import Callable

DAY = 86400.0


@dataclass
class Family:
    """One metric. `values(instance, at)` yields (labels, value); a histogram's value is (cumulative buckets, sum)."""

    name: str
    kind: str
    help: str
    values: Callable
    is_of_shop: bool = False


ALL = []


def family(name, kind, help_text, is_of_shop=False):
    """Adds a metric to the catalogue; decorates the function that knows its values."""

    def keep(values):
        ALL.append(Family(name, kind, help_text, values, is_of_shop))
        return values

    return keep


import family_rates  # noqa: E402,F401  they fill ALL
import family_service  # noqa: E402,F401
