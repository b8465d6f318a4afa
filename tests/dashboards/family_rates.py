"""The rates' metrics of the made-up shop: gauges that come from stored state."""

import datetime

from families import DAY, family
from moving import wave

WINDOWS = {"7d": 7, "30d": 30, "90d": 90}
CURRENCIES = {"EUR": 1.0, "GBP": 0.22}
RATES = {  # the share that each rate is about, and of how many in 30 days
    "retention": (0.71, 9200),
    "repeat_purchase": (0.17, 4100),
    "returning_customers": (0.58, 4100),
    "returning_orders": (0.63, 5200),
    "reactivation": (0.21, 1500),
    "painless_resolution": (0.78, 640),
    "silent_churn": (0.64, 1450),
    "referral": (0.12, 1700),
}
EVER = {"repeat_purchase": (0.246, 50_000), "returning_orders": (0.61, 141_000)}


def state(name, help_text):
    return family(f"homecoming_{name}", "gauge", help_text, is_of_shop=True)


def whole(key, instance, at, size, depth=0.03):
    """So many of something in this instance, as a whole number; the shop grows by a tenth of a percent a day."""
    growth = 1.001 ** ((at - instance.epoch) / DAY)
    return round(size * instance.share * growth * wave((key, instance.place), at, 9 * DAY, depth))


def share_of(size, share, key, at):
    """A part of a whole that wanders by some points over weeks."""
    return min(size, round(size * share * wave(("share", key), at, 47 * DAY, 0.06)))


def every_rate():
    for rate, (share, size) in RATES.items():
        for window, days in WINDOWS.items():
            yield rate, window, share, size * (1 if rate == "retention" else days / 30)
    for rate, (share, size) in EVER.items():
        yield rate, "ever", share, size


@state("rate_denominator", "Of how many a rate is, in a window.")
def _(instance, at):
    for rate, window, _, size in every_rate():
        yield {"rate": rate, "window": window}, whole((rate, window), instance, at, size)


@state("rate_numerator", "How many count for a rate, in a window.")
def _(instance, at):
    for rate, window, share, size in every_rate():
        of = whole((rate, window), instance, at, size)
        yield {"rate": rate, "window": window}, share_of(of, share, (rate, window), at)


@state("rate_unripe", "Cases of a rate whose outcome is still awaited.")
def _(instance, at):
    for rate, size in (("reactivation", 4300), ("painless_resolution", 150), ("service_recovery", 1250)):
        yield {"rate": rate}, whole(("unripe", rate), instance, at, size)


@state("orders", "Orders of a window, by class.")
def _(instance, at):
    for kind, size in (("new", 1950), ("returning", 3250)):
        for currency, part in CURRENCIES.items():
            for window, days in WINDOWS.items():
                yield labels(kind, currency, window), whole((kind, currency), instance, at, size * part * days / 30)


def labels(kind, currency, window):
    return {"class": kind, "currency": currency, "window": window}


def revenue(instance, at, sizes, windows, key):
    for kind, size in sizes:
        for currency, part in CURRENCIES.items():
            for window in windows:
                amount = whole((key, kind, currency), instance, at, size * part * WINDOWS[window] / 30, 0.06)
                yield labels(kind, currency, window), amount + 0.25


@state("net_revenue", "Orders less refunds of a window, by class, in major units of the currency.")
def _(instance, at):
    sizes = (("new", 96_000), ("returning", 188_000), ("unknown", -900))
    yield from revenue(instance, at, sizes, WINDOWS, "revenue")


@state("net_revenue_year_before", "Orders less refunds of the same window a year before, by class.")
def _(instance, at):
    yield from revenue(instance, at, (("new", 98_000), ("returning", 168_000)), WINDOWS, "before")


SECOND = {"30d": 0.185, "60d": 0.255, "90d": 0.3, "180d": 0.38}


@state("second_purchase_denominator", "Customers whose first order was at least that long ago.")
def _(instance, at):
    for within, size in zip(SECOND, (48_900, 47_600, 46_200, 42_100)):
        yield {"within": within}, whole(("second", within), instance, at, size, 0.004)


@state("second_purchase_numerator", "Of them, customers with a second order within that long.")
def _(instance, at):
    for (within, share), size in zip(SECOND.items(), (48_900, 47_600, 46_200, 42_100)):
        of = whole(("second", within), instance, at, size, 0.004)
        yield {"within": within}, share_of(of, share, ("second", within), at)


@state("second_purchase_unripe", "Customers whose first order is not yet that long ago.")
def _(instance, at):
    for within, size in zip(SECOND, (1100, 2400, 3800, 7900)):
        yield {"within": within}, whole(("second unripe", within), instance, at, size)


@state("second_purchase_customers", "Customers whose second order came within so long of the first.")
def _(instance, at):
    sizes = (2900, 5200, 9000, 12_200, 14_100, 17_600, 19_600, 20_400)
    for within, size in zip(("7d", "14d", "30d", "60d", "90d", "180d", "365d", "ever"), sizes):
        yield {"within": within}, whole("second days", instance, at, size, 0.004)


def months(at):
    """The last twelve months, oldest first, and how much of the last is over."""
    day = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    index = day.year * 12 + day.month - 1
    names = [f"{(index - back) // 12:04}-{(index - back) % 12 + 1:02}" for back in range(11, -1, -1)]
    return names, (day.day - 1 + day.hour / 24 + 0.5) / 31


@state("cohort_customers", "Customers first seen in a month.")
def _(instance, at):
    names, over = months(at)
    for place, month in enumerate(names):
        yield {"month": month}, cohort(instance, month, over if place == 11 else 1.0)


def cohort(instance, month, over):
    year, number = map(int, month.split("-"))
    busy = 1.9 if number in (11, 12) else 1.0
    return round(1450 * instance.share * busy * over * wave(("cohort", month), year * 1.0, 7.0, 0.15))


@state("cohort_ordered", "Of them, customers with an order so many months later.")
def _(instance, at):
    names, over = months(at)
    for place, month in enumerate(names):
        for age in range(12 - place):
            size = cohort(instance, month, over if place == 11 else 1.0)
            share = 1.0 if age == 0 else 0.22 / age**0.42 * wave((month, age), 1.0, 9.0, 0.18)
            unfinished = over if age == 11 - place and age else 1.0
            yield {"month": month, "age": str(age)}, round(size * share * unfinished)


@state("lifecycle_customers", "Customers by state of their life in a month.")
def _(instance, at):
    _, over = months(at)
    for month, part in (("current", over), ("previous", 1.0)):
        for kind, size in (("new", 1700), ("returning", 1350), ("resurrecting", 1080), ("dormant", 2010)):
            yield {"month": month, "state": kind}, whole((month, kind), instance, at, size * part)


@state("pareto_denominator", "Net revenue of all customers of this instance, over their lives.")
def _(instance, at):
    for currency, part in CURRENCIES.items():
        yield {"currency": currency}, whole(("pareto", currency), instance, at, 8_400_000 * part, 0.002)


@state("pareto_numerator", "Net revenue of the top 20 % of customers of this instance, over their lives.")
def _(instance, at):
    for currency, part in CURRENCIES.items():
        yield (
            {"currency": currency},
            (0.677 + 0.012 * instance.place) * whole(("pareto", currency), instance, at, 8_400_000 * part, 0.002),
        )


RECOVERY = {"painless": (410, 0.33, 0.29), "painful": (120, 0.22, 0.27)}


@state("service_recovery_denominator", "Ripe resolved tickets of customers who had ordered before, by effort.")
def _(instance, at):
    for effort, (size, _, _) in RECOVERY.items():
        yield {"effort": effort}, whole(("recovery", effort), instance, at, size)


@state("service_recovery_numerator", "Of them, those whose customer ordered within 60 days.")
def _(instance, at):
    for effort, (size, share, _) in RECOVERY.items():
        of = whole(("recovery", effort), instance, at, size)
        yield {"effort": effort}, share_of(of, share, ("recovery", effort), at)


@state("service_recovery_expected", "Sum of the chances of an order within 60 days, as they were before the ticket.")
def _(instance, at):
    for effort, (size, _, expected) in RECOVERY.items():
        yield {"effort": effort}, expected * whole(("recovery", effort), instance, at, size)


def of_windows(sizes, key):
    """(name, window, count in 30 days scaled to the window) of several."""
    for name, size in sizes.items():
        for window, days in WINDOWS.items():
            yield name, window, (key, name, window), size * days / 30


@state("painful_resolutions", "Ripe resolved tickets that were not painless, by each reason.")
def _(instance, at):
    for reason, window, key, size in of_windows(
        {"overdue": 74, "contacted": 51, "reopened": 22, "low_rating": 31}, "pain"
    ):
        yield {"reason": reason, "window": window}, whole(key, instance, at, size, 0.08)


RATED = {"csat": (410, 4.2), "ces": (160, 5.4), "nps": (220, 7.9)}


@state("ratings", "Ratings given in a window, by scale.")
def _(instance, at):
    for scale, window, key, size in of_windows({scale: size for scale, (size, _) in RATED.items()}, "rating"):
        yield {"scale": scale, "window": window}, whole(key, instance, at, size, 0.08)


@state("rating_points", "Sum of the ratings given in a window, by scale.")
def _(instance, at):
    for scale, window, key, size in of_windows({scale: size for scale, (size, _) in RATED.items()}, "rating"):
        mean = RATED[scale][1] * wave(("mean", scale), at, 20 * DAY, 0.04)
        yield {"scale": scale, "window": window}, mean * whole(key, instance, at, size, 0.08)


CATEGORIES = {
    "broken": 88,
    "delivery": 231,
    "exchange": 77,
    "return": 140,
    "billing": 41,
    "special_request": 12,
    "advice": 69,
    "other": 33,
}


@state("tickets_opened", "Tickets opened in a window, by category.")
def _(instance, at):
    for category, window, key, size in of_windows(CATEGORIES, "ticket"):
        yield {"category": category, "window": window}, whole(key, instance, at, size, 0.09)


@state("ticket_contacts", "Contacts beyond the opening, of the tickets in a window.")
def _(instance, at):
    for _, window, key, size in of_windows({"contacts": 260}, "contacts"):
        yield {"window": window}, whole(key, instance, at, size, 0.1)


@state("tickets_resolved", "Tickets resolved within so long of their opening, in a window.")
def _(instance, at):
    for within, size in (("1h", 90), ("4h", 248), ("24h", 502), ("3d", 590), ("7d", 621), ("ever", 640)):
        for window, days in WINDOWS.items():
            yield (
                {"within": within, "window": window},
                whole(("resolved", window), instance, at, size * days / 30, 0.05),
            )


@state("customers", "Customers who ever ordered, by standing.")
def _(instance, at):
    yield {"standing": "active"}, whole("active", instance, at, 13_600, 0.02)
    yield {"standing": "lapsed"}, whole("lapsed", instance, at, 36_400, 0.004)


@state("customers_at_risk", "Customers who have not lapsed, by level of churn risk.")
def _(instance, at):
    for level, size in (("low", 9800), ("medium", 2450), ("high", 1350)):
        yield {"level": level}, whole(("risk", level), instance, at, size, 0.05)


@state("value_at_risk", "Value at risk as announced, by level, in major units of the currency.")
def _(instance, at):
    for level, size in (("medium", 21_500), ("high", 17_800)):
        for currency, part in CURRENCIES.items():
            yield {"level": level, "currency": currency}, whole(("value", level), instance, at, size * part, 0.05) + 0.5
