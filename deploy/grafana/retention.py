"""The dashboard for the shop: are our customers coming back, what do they bring, who is about to leave, and does our
help keep them? What every rate means is in the README of the repository."""

from care import cohorts, help_given, risk
from panels import (
    BAD,
    COUNT,
    FIRST,
    GOOD,
    GREY,
    SECOND,
    SHARE,
    WATCH,
    bars,
    dashboard,
    dashed,
    divided,
    graph,
    label_variable,
    latest,
    levels,
    query,
    series,
    stat,
    total,
)
from rates import (
    BENCHMARKS,
    CURRENCY,
    GROWTH,
    HIGH,
    PER_WINDOW,
    REPEAT_LEVELS,
    RETURNING,
    WINDOW,
    YEAR_BEFORE,
    rate,
    revenue,
)


def glance():
    yield [
        (
            1,
            4,
            5,
            stat(
                "Retention, $window",
                "Of the customers who were active when the window began, the share who still are. New customers, and"
                " those won back, never count as retained, so this never passes 100 %.",
                SHARE,
                rate("retention"),
                FIRST,
                decimals=1,
            ),
        ),
        (
            2,
            4,
            5,
            stat(
                "Repeat purchase rate",
                f"Customers with two or more orders, of all who ever ordered. {BENCHMARKS} Red, orange, green and blue"
                " in this order.",
                SHARE,
                rate("repeat_purchase", "ever"),
                thresholds=REPEAT_LEVELS,
                decimals=1,
            ),
        ),
        (
            3,
            4,
            5,
            stat(
                "From returning, $window",
                f"Net revenue of returning orders, of all net revenue in $currency. {PER_WINDOW}",
                SHARE,
                divided(RETURNING, revenue()),
                FIRST,
                decimals=1,
            ),
        ),
        (
            4,
            4,
            5,
            stat(
                "Growth of returning, $window",
                "Net revenue of returning orders in $currency against the same window a year before. Empty where the"
                " days that are kept (460) do not reach back so far.",
                SHARE,
                GROWTH,
                thresholds=levels((BAD, None), (WATCH, -0.05), (GOOD, 0)),
                decimals=1,
            ),
        ),
        (
            5,
            4,
            5,
            stat(
                "Value at high risk, $currency",
                "What a return would bring of those who have lost three quarters of their usual chance to come back:"
                " lost chance times mean order, a lower bound.",
                COUNT,
                total(series("homecoming_value_at_risk", HIGH, CURRENCY)),
                BAD,
            ),
        ),
        (
            6,
            4,
            5,
            stat(
                "Customers at high risk",
                "Customers who have lost three quarters of their usual chance to come back, and have not lapsed.",
                COUNT,
                total(series("homecoming_customers_at_risk", HIGH)),
                BAD,
            ),
        ),
    ]


def returns():
    yield [
        (
            11,
            12,
            9,
            graph(
                "Do they stay? Retention, $window",
                "Retention of the window, and the same four weeks earlier: the alert looks at the gap between the two"
                " for 30 days. The earlier line is empty until Prometheus has kept four weeks.",
                SHARE,
                [
                    query(rate("retention"), "retention"),
                    query(rate("retention", offset=" offset 4w"), "four weeks earlier"),
                ],
                colors={"retention": FIRST, "four weeks earlier": GREY},
                overrides=[dashed("four weeks earlier")],
                latest=True,
                least=None,
                decimals=1,
            ),
        ),
        (
            12,
            12,
            9,
            graph(
                "Do they buy again? Repeat purchase rate",
                f"Customers with two or more orders, of all who ever ordered. {BENCHMARKS} The dashed lines are these"
                " three.",
                SHARE,
                [query(rate("repeat_purchase", "ever"), "repeat purchase rate")],
                colors={"repeat purchase rate": FIRST},
                thresholds=REPEAT_LEVELS,
                least=0.15,
                most=0.42,
                decimals=1,
                latest=True,
            ),
        ),
    ]
    yield [
        (
            13,
            8,
            8,
            graph(
                "Who is buying, $window",
                "Returning customers: of customers with an order in the window, those who had ordered before that"
                " order. Returning orders: of orders in the window, those that are not their customer's first. Twice:"
                " customers with two orders in the window. Referred: of new customers, those who name who sent them.",
                SHARE,
                [
                    query(rate("returning_orders"), "returning orders"),
                    query(rate("returning_customers"), "returning customers"),
                    query(rate("repeat_purchase"), "twice in the window"),
                    query(rate("referral"), "referred, of the new"),
                ],
                colors={
                    "returning orders": FIRST,
                    "returning customers": GOOD,
                    "twice in the window": SECOND,
                    "referred, of the new": WATCH,
                },
                latest=True,
                decimals=1,
            ),
        ),
        (
            14,
            8,
            8,
            bars(
                "How many buy a second time, and how soon?",
                "Of the customers whose first order was at least so long ago, the share who ordered again within that"
                " time.",
                SHARE,
                [
                    latest(second("numerator", "denominator", within), f"within {within}")
                    for within in ("30d", "60d", "90d", "180d")
                ],
                maximum=0.5,
                decimals=1,
            ),
        ),
        (
            15,
            8,
            8,
            bars(
                "When the second order comes",
                "Of all second orders so far, the share that came within so long of the first: when a reminder is worth"
                " it.",
                SHARE,
                [latest(second_order(within), f"within {within}") for within in SECOND_ORDER],
                maximum=1,
                decimals=0,
            ),
        ),
    ]


SECOND_ORDER = ("7d", "14d", "30d", "60d", "90d", "180d", "365d")


def second(numerator, denominator, within):
    match = f'within="{within}"'
    return divided(*(series(f"homecoming_second_purchase_{part}", match) for part in (numerator, denominator)))


def second_order(within):
    metric = "homecoming_second_purchase_customers"
    return divided(series(metric, f'within="{within}"'), series(metric, 'within="ever"'))


CLASSES = {"returning": FIRST, "new": SECOND, "unknown": GREY}


PARETO = [series(f"homecoming_pareto_{part}", CURRENCY) for part in ("numerator", "denominator")]


def money():
    yield [
        (
            21,
            12,
            8,
            graph(
                "New against returning: net revenue of $window, $currency",
                "Orders less refunds of the window, by whether the order was its customer's first. unknown: refunds of"
                " orders that are not known (yet).",
                COUNT,
                [query(total(revenue(), "class"), "{{class}}")],
                colors=CLASSES,
                stacked=True,
                least=None,
                latest=True,
            ),
        ),
        (
            22,
            12,
            8,
            graph(
                "Growth from those who return, $window, $currency",
                "Net revenue of returning orders of the window, and of the same window a year before: the room between"
                " the lines is the growth that came from customers you already had.",
                COUNT,
                [query(total(RETURNING), "returning"), query(total(YEAR_BEFORE), "a year before")],
                colors={"returning": FIRST, "a year before": GREY},
                overrides=[dashed("a year before")],
                latest=True,
                least=None,
            ),
        ),
    ]
    yield [
        (
            23,
            8,
            7,
            graph(
                "Average order, $window, $currency",
                "Net revenue divided by orders, of new and of returning customers.",
                COUNT,
                [
                    query(
                        divided(revenue('class!="unknown"'), series("homecoming_orders", CURRENCY, WINDOW), "class"),
                        "{{class}}",
                    )
                ],
                colors=CLASSES,
                latest=True,
                decimals=2,
                least=None,
            ),
        ),
        (
            24,
            8,
            7,
            graph(
                "Orders, $window",
                "Orders of the window in $currency, by whether they were their customer's first.",
                COUNT,
                [query(total(series("homecoming_orders", CURRENCY, WINDOW), "class"), "{{class}}")],
                colors=CLASSES,
                stacked=True,
                latest=True,
            ),
        ),
        (
            25,
            8,
            7,
            graph(
                "What the best fifth brings, $currency",
                "Net revenue of the top 20 % of customers, of all net revenue, over their lives. Of each instance's own"
                " customers: these shares can't be added up. Above 80 % a shop hangs on few.",
                SHARE,
                [query(f"{PARETO[0]} / ({PARETO[1]} > 0)", "{{instance}}")],
                latest=True,
                most=1,
                decimals=1,
            ),
        ),
    ]


def more_variables():
    windows = 'label_values(homecoming_rate_denominator{job=~"$job", window!="ever"}, window)'
    chosen = {"text": "30d", "value": "30d"}
    yield label_variable(
        "window", "Window", windows, "Days that the rates look back, today included", order=3, chosen=chosen
    )
    currencies = 'label_values(homecoming_net_revenue{job=~"$job"}, currency)'
    yield label_variable("currency", "Currency", currencies, "Currencies are never added up")


def build(links, runbooks):
    return dashboard(
        "homecoming-retention",
        "homecoming: Retention",
        "Are our customers coming back?",
        [
            ("Are our customers coming back?", glance()),
            ("Do they stay, do they buy again?", returns()),
            ("What do those who return bring?", money()),
            ("Who is about to leave, and what is it worth?", risk()),
            ("Does our help keep them?", help_given()),
            ("Cohorts and the month", cohorts()),
        ],
        more_variables=more_variables(),
        links=links,
        runbooks=runbooks,
        other=("homecoming-service", "Service"),
        span="now-30d",
    )
