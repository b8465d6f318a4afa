"""Of the dashboard for the shop: who is about to leave, what help costs them, and how each month fares."""

from panels import (
    BAD,
    COUNT,
    FIRST,
    GOOD,
    GREY,
    SECOND,
    SHARE,
    THIRD,
    WATCH,
    WHOLE,
    bars,
    by_name,
    divided,
    graph,
    latest,
    levels,
    per_hour,
    query,
    rows,
    series,
    stat,
    table,
    total,
)
from rates import CURRENCY, PER_WINDOW, WINDOW, rate

LEVELS = {"low": GOOD, "medium": WATCH, "high": BAD}


def risk():
    yield [
        (
            31,
            10,
            8,
            graph(
                "What is at risk, $currency",
                "Value at risk as it was announced: the chance of return that a customer has lost times their mean"
                " order, added up. medium: half of the usual chance is gone; high: three quarters.",
                COUNT,
                [query(total(series("homecoming_value_at_risk", CURRENCY), "level"), "{{level}}")],
                colors=LEVELS,
                stacked=True,
                latest=True,
            ),
        ),
        (
            32,
            7,
            8,
            graph(
                "Who is at risk",
                "Customers at medium and at high risk, as announced on churn-risk. GET /api/v1/customers?level=high"
                " names them, the most valuable first.",
                COUNT,
                [query(total(series("homecoming_customers_at_risk", 'level!="low"'), "level"), "{{level}}")],
                colors=LEVELS,
                stacked=True,
                latest=True,
            ),
        ),
        (
            33,
            7,
            8,
            bars(
                "Everybody, by how sure they are",
                "All who ever ordered: at low, medium and high risk, and lapsed (no order for the activity horizon, 90"
                " days unless configured).",
                WHOLE,
                [
                    *(
                        latest(total(series("homecoming_customers_at_risk", f'level="{level}"')), level)
                        for level in LEVELS
                    ),
                    latest(total(series("homecoming_customers", 'standing="lapsed"')), "lapsed"),
                ],
                colors={**LEVELS, "lapsed": GREY},
            ),
        ),
    ]
    yield [
        (
            34,
            8,
            7,
            graph(
                "Won back, $window",
                "Of the lapses that are now 90 days old, the share that an order ended within these 90 days.",
                SHARE,
                [query(rate("reactivation"), "reactivation")],
                colors={"reactivation": THIRD},
                latest=True,
                decimals=1,
            ),
        ),
        (
            35,
            8,
            7,
            graph(
                "Came back, per hour",
                "Signals on returning-customers. second_purchase: the customer's second order; reactivated: after a"
                " silence longer than the activity horizon; repeat: every other return.",
                COUNT,
                [query(per_hour("homecoming_signals_total", "kind", 'type="returning_customer"'), "{{kind}}")],
                colors={"second_purchase": GOOD, "repeat": FIRST, "reactivated": SECOND},
                stacked=True,
            ),
        ),
        (
            36,
            8,
            7,
            graph(
                "Slipping and calming down, per hour",
                "Signals on churn-risk. raised: the customer left the level low; changed: between the others; cleared:"
                " back to low.",
                COUNT,
                [query(per_hour("homecoming_signals_total", "kind", 'type="churn_risk"'), "{{kind}}")],
                colors={"raised": BAD, "changed": WATCH, "cleared": GOOD},
            ),
        ),
    ]


REASONS = {"overdue": "overdue", "contacted": "asked again", "reopened": "reopened", "low_rating": "low rating"}
CATEGORIES = ("broken", "delivery", "exchange", "return", "billing", "special_request", "advice", "other")
RESOLVED = ("1h", "4h", "24h", "3d", "7d")


def painful(reason):
    tickets = series("homecoming_rate_denominator", 'rate="painless_resolution"', WINDOW)
    return divided(series("homecoming_painful_resolutions", f'reason="{reason}"', WINDOW), tickets)


def resolved(within):
    metric = "homecoming_tickets_resolved"
    return divided(series(metric, f'within="{within}"', WINDOW), series(metric, 'within="ever"', WINDOW))


def recovery(part, effort):
    of = f'effort="{effort}"'
    return divided(*(series(f"homecoming_service_recovery_{what}", of) for what in (part, "denominator")))


def mean(scale):
    match = (f'scale="{scale}"', WINDOW)
    return divided(series("homecoming_rating_points", *match), series("homecoming_ratings", *match))


def help_given():
    yield [
        (
            41,
            10,
            8,
            graph(
                "Effort beside retention, $window",
                "Painless: of tickets resolved a week ago or more, those resolved in time (24 h), without the customer"
                " asking again, a reopening or a low rating. Where this falls, retention tends to follow.",
                SHARE,
                [query(rate("painless_resolution"), "painless"), query(rate("retention"), "retention")],
                colors={"painless": GOOD, "retention": FIRST},
                latest=True,
                least=None,
                decimals=1,
            ),
        ),
        (
            42,
            7,
            8,
            bars(
                "What made it painful, $window",
                "Of the ripe resolved tickets, the share that each reason spoiled. One ticket can have several.",
                SHARE,
                [latest(painful(reason), name) for reason, name in REASONS.items()],
                color=WATCH,
                decimals=1,
            ),
        ),
        (
            43,
            7,
            8,
            graph(
                "Gone without a word, $window",
                "Of those who lapsed, the share without ticket, refund or low rating from 30 days before their last"
                " order on. The more of them, the less a help desk alone can keep.",
                SHARE,
                [query(rate("silent_churn"), "silent churn")],
                colors={"silent churn": SECOND},
                latest=True,
                least=None,
                decimals=1,
            ),
        ),
    ]
    yield [
        (
            44,
            8,
            7,
            bars(
                "Did help bring them back?",
                "Of resolved tickets, those whose customer ordered within 60 days: what happened, and what was to be"
                " expected just before the ticket was opened. More than expected is the lift of good service.",
                SHARE,
                [
                    latest(recovery(part, effort), f"{effort}, {name}")
                    for effort in ("painless", "painful")
                    for part, name in (("numerator", "ordered"), ("expected", "expected"))
                ],
                colors={
                    "painless, ordered": GOOD,
                    "painless, expected": GREY,
                    "painful, ordered": WATCH,
                    "painful, expected": GREY,
                },
                decimals=1,
            ),
        ),
        (
            45,
            8,
            7,
            bars(
                "How fast help comes, $window",
                "Of the tickets resolved, the share that was within so long of their opening.",
                SHARE,
                [latest(resolved(within), f"within {within}") for within in RESOLVED],
                maximum=1,
                decimals=0,
            ),
        ),
        (
            46,
            8,
            7,
            bars(
                "What they ask for, $window",
                "Tickets opened in the window, by category.",
                WHOLE,
                [
                    latest(
                        total(series("homecoming_tickets_opened", f'category="{category}"', WINDOW)),
                        category.replace("_", " "),
                    )
                    for category in CATEGORIES
                ],
            ),
        ),
    ]
    yield [
        (
            47,
            4,
            4,
            stat(
                "Satisfaction (csat, 1 to 5)",
                f"Mean of the ratings. {PER_WINDOW} A rating of 1 or 2 counts as low.",
                "none",
                mean("csat"),
                thresholds=levels((BAD, None), (WATCH, 3.5), (GOOD, 4)),
                decimals=2,
            ),
        ),
        (
            48,
            4,
            4,
            stat(
                "Ease (ces, 1 to 7)",
                f"Mean of the ratings, 7 is the least effort. {PER_WINDOW} A rating of 3 or less counts as low.",
                "none",
                mean("ces"),
                thresholds=levels((BAD, None), (WATCH, 4.5), (GOOD, 5)),
                decimals=2,
            ),
        ),
        (
            49,
            4,
            4,
            stat(
                "Recommend (nps, 0 to 10)",
                f"Mean of the answers, which is not the score of promoters less detractors. {PER_WINDOW}",
                "none",
                mean("nps"),
                FIRST,
                decimals=2,
            ),
        ),
        (
            50,
            4,
            4,
            stat(
                "Contacts per ticket",
                f"How often a customer has to get in touch again about a ticket. {PER_WINDOW}",
                "none",
                divided(series("homecoming_ticket_contacts", WINDOW), series("homecoming_tickets_opened", WINDOW)),
                WATCH,
                decimals=2,
            ),
        ),
        (
            53,
            8,
            4,
            bars(
                "Still to be seen",
                "Cases that count once their outcome is known: lapses (90 days), resolved tickets (7 days), recoveries"
                " (60 days), and customers whose first order is less than 90 days ago.",
                WHOLE,
                [
                    *(
                        latest(total(series("homecoming_rate_unripe", f'rate="{name}"')), name.replace("_", " "))
                        for name in ("reactivation", "painless_resolution", "service_recovery")
                    ),
                    latest(total(series("homecoming_second_purchase_unripe", 'within="90d"')), "second purchase"),
                ],
                color=GREY,
            ),
        ),
    ]


STATES = {"new": SECOND, "returning": FIRST, "resurrecting": GOOD, "dormant": GREY}


def cohort_cells():
    """Customers of each month under "00", then the share who ordered so many months later under "01" to "11"."""
    customers = total(series("homecoming_cohort_customers"), "month")
    ordered = total(series("homecoming_cohort_ordered", 'age!="0"'), "month, age")
    shares = f"{ordered} / on (month) group_left () ({customers} > 0)"
    # Two figures, so that the columns sort as text.
    return f'label_replace({customers}, "age", "00", "", "") or label_replace({shares}, "age", "0$1", "age", "([0-9])")'


def cohorts():
    fields = [
        by_name(
            "month\\age", displayName="first order in", **{"custom.width": 110, "custom.cellOptions": {"type": "auto"}}
        ),
        by_name(
            "00",
            displayName="customers",
            unit=WHOLE,
            decimals=0,
            **{"custom.width": 90, "custom.cellOptions": {"type": "auto"}},
        ),
        *(by_name(f"{age:02}", displayName=f"+{age}", **{"custom.minWidth": 50}) for age in range(1, 12)),
    ]
    sorted_by = lambda field: {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": field}]}}  # noqa: E731
    matrix = {
        "id": "groupingToMatrix",
        "options": {"columnField": "age", "rowField": "month", "valueField": "Value", "emptyValue": "empty"},
    }
    yield [
        (
            51,
            16,
            14,
            table(
                "Cohorts: who still orders, months later",
                "Customers by the month of their first order, and the share of them with an order one, two, … months"
                " later. Read a line to see a month's customers stay, a column to see whether newer ones stay better."
                " The last cell of each line is of the month that is not over.",
                SHARE,
                rows(cohort_cells()),
                [sorted_by("age"), matrix, sorted_by("month\\age")],
                fields,
                custom={"cellOptions": {"type": "color-background", "mode": "basic"}, "align": "center"},
                defaults={"color": {"mode": "continuous-blues"}, "min": 0, "max": 0.3, "decimals": 1},
            ),
        ),
        (
            52,
            8,
            14,
            bars(
                "The month: who came, stayed, came back, went",
                "new: first order this month. returning: active last month too. resurrecting: not last month, but"
                " before. dormant: active last month, not this one; provisional until the month is over.",
                WHOLE,
                [
                    latest(
                        total(series("homecoming_lifecycle_customers", f'state="{state}"', f'month="{month}"')),
                        f"{state}, {name}",
                    )
                    for state in STATES
                    for month, name in (("current", "this month"), ("previous", "last month"))
                ],
                colors={
                    f"{state}, {name}": color
                    for state, color in STATES.items()
                    for name in ("this month", "last month")
                },
            ),
        ),
    ]
