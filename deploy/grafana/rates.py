"""Rates and revenue in PromQL, and what a shop is judged by."""

from panels import BAD, BEST, GOOD, WATCH, divided, levels, series, total

# What small and medium shops are judged by: below the floor is poor, the goal is what to aim for, the top is the best.
FLOOR, GOAL, TOP = 0.1987, 0.27, 0.396
REPEAT_LEVELS = levels((BAD, None), (WATCH, FLOOR), (GOOD, GOAL), (BEST, TOP))
BENCHMARKS = "19.87 % is the floor that small and medium shops are judged by, 27 % the goal, 39.6 % the top."

WINDOW = 'window="$window"'
CURRENCY = 'currency="$currency"'
PER_WINDOW = "In the window chosen above, today included."


def rate(name, window="$window", offset=""):
    """Numerator and denominator, each summed over the instances, then divided."""
    match = (f'rate="{name}"', f'window="{window}"')
    return divided(
        series("homecoming_rate_numerator", *match) + offset, series("homecoming_rate_denominator", *match) + offset
    )


def revenue(*match, metric="homecoming_net_revenue"):
    return series(metric, CURRENCY, WINDOW, *match)


RETURNING = revenue('class="returning"')
YEAR_BEFORE = revenue('class="returning"', metric="homecoming_net_revenue_year_before")
GROWTH = f"{total(RETURNING)} / ({total(YEAR_BEFORE)} > 0) - 1"
HIGH = 'level="high"'
