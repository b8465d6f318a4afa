"""When each alert fires, when it does not, and what it says: alert -> stories.

A story: `given` series -> values in promtool's notation, one every `every` (a minute unless said); `then` time -> the
alerts that fire, each with its labels (severity aside, cases.py adds it) and what its templates read. An empty list is
silence. The stories of one alert share the pace at which rules are evaluated (`every`, or `rules_every`).
"""

SHOP = {"job": "shop"}
WEEKS = {"every": "5m", "rules_every": "1h"}
DAY = 288  # steps of five minutes
PERCENT, DURATION, PLAIN = "$value | humanizePercentage", "$value | humanizeDuration", "$value"


def rate(name, window, *spans):
    """A rate of two instances of unequal size: spans of (share of all, of how many, for how many steps)."""
    match = f'job="shop", rate="{name}", window="{window}"'
    given = {}
    for instance, part in (("a", 0.75), ("b", 0.25)):
        for what in ("numerator", "denominator"):
            values = [
                f"{of * part * (share if what == 'numerator' else 1):g}x{steps - 1}" for share, of, steps in spans
            ]
            given[f'homecoming_rate_{what}{{instance="{instance}", {match}}}'] = " ".join(values)
    return given


def compared(name, before, now, of, of_now=None):
    """Four weeks of one share, then two days of another."""
    return rate(name, "30d", (before, of, 28 * DAY), (now, of_now or of, 2 * DAY))


def fires(labels=None, **says):
    return {"labels": {**SHOP, **(labels or {})}, "says": {key: text for key, text in says.items()}}


def percent(text, **labels):
    return {"labels": {**SHOP, **labels}, "says": {PERCENT: text}}


def repeat(name, share, of, then, steps=9 * 12):
    return {"name": name, "given": rate("repeat_purchase", "ever", (share, of, steps)), "then": then, **WEEKS}


REPEAT = {"rate": "repeat_purchase", "window": "ever"}
RETENTION = {"rate": "retention", "window": "30d"}
PAINLESS = {"rate": "painless_resolution", "window": "30d"}
SILENT = {"rate": "silent_churn", "window": "30d"}


def over_weeks(name, given, then):
    return {"name": name, "given": given, "then": then, **WEEKS}


def high_risk(values, customers, currency="EUR"):
    return {
        f'homecoming_value_at_risk{{job="shop", instance="a", level="high", currency="{currency}"}}': values,
        'homecoming_customers_at_risk{job="shop", instance="a", level="high"}': f"{customers}x{10 * DAY}",
    }


def of_input(values, records, source="purchases", partition="3"):
    match = f'job="shop", instance="a", source="{source}", partition="{partition}"'
    return {f"homecoming_lag_seconds{{{match}}}": values, f"homecoming_lag_records{{{match}}}": records}


def time_and_inputs(watermark, purchases, support):
    match = 'job="shop", instance="a"'
    return {
        f'homecoming_watermark_seconds{{{match}, partition="0"}}': watermark,
        f'homecoming_input_idle{{{match}, partition="0", source="purchases"}}': purchases,
        f'homecoming_input_idle{{{match}, partition="0", source="support"}}': support,
    }


def commits(committed, aborted):
    return {
        'homecoming_commits_total{job="shop", instance="a", outcome="committed"}': committed,
        'homecoming_commits_total{job="shop", instance="a", outcome="aborted"}': aborted,
    }


def restoring(remaining, idle=None):
    match = 'job="shop", instance="a", partition="0"'
    given = {f"homecoming_restore_remaining_records{{{match}}}": remaining}
    return {**given, f'homecoming_input_idle{{{match}, source="purchases"}}': idle} if idle else given


def events(applied, rejected):
    match = 'job="shop", instance="a", source="purchases"'
    return {
        f'homecoming_events_total{{{match}, outcome="applied"}}': applied,
        f'homecoming_events_total{{{match}, outcome="rejected"}}': rejected,
    }


def assigned(a, b):
    return {
        'homecoming_partitions_assigned{job="shop", instance="a"}': a,
        'homecoming_partitions_assigned{job="shop", instance="b"}': b,
    }


def story(name, given, then):
    return {"name": name, "given": given, "then": then}


INPUT = {"instance": "a", "source": "purchases", "partition": "3"}
LOST_INSTANCE = {'up{job="shop", instance="a"}': "1x9 0x20", 'up{job="shop", instance="b"}': "1x30"}

STORIES = {
    "HomecomingRepeatPurchaseUnderFloor": [
        repeat("surely under the floor", 0.15, 1000, {"5h": [], "7h": [percent("17.26%", **REPEAT)]}),
        repeat("under it, but that may be chance", 0.19, 1000, {"8h": []}),
        repeat("too few customers to say", 0.05, 180, {"8h": []}),
        repeat("above it", 0.24, 50_000, {"8h": []}),
        repeat("nobody yet", 0, 0, {"8h": []}),
    ],
    "HomecomingRepeatPurchaseUnderGoal": [
        repeat("between floor and goal", 0.24, 50_000, {"5h": [], "7h": [percent("24.38%", **REPEAT)]}),
        repeat("under the floor is the other alert's", 0.15, 1000, {"8h": []}),
        repeat("the goal is reached", 0.28, 50_000, {"8h": []}),
        repeat("too few customers to say", 0.2, 180, {"8h": []}),
    ],
    "HomecomingRetentionFalling": [
        over_weeks(
            "five points lower than four weeks ago",
            compared("retention", 0.75, 0.7, 2000),
            {"671h": [], "677h": [], "680h": [percent("5%", **RETENTION)]},
        ),
        over_weeks("five points of few customers are chance", compared("retention", 0.75, 0.7, 240), {"690h": []}),
        over_weeks("a tenth of a hundred customers", compared("retention", 0.9, 0.6, 160), {"690h": []}),
        over_weeks("a tenth, but few four weeks ago", compared("retention", 0.9, 0.6, 160, 4000), {"690h": []}),
        over_weeks("one point of very many is no matter", compared("retention", 0.75, 0.74, 200_000), {"690h": []}),
        over_weeks("it rises", compared("retention", 0.7, 0.75, 2000), {"690h": []}),
    ],
    "HomecomingValueAtHighRiskRising": [
        over_weeks(
            "two fifths more than a week ago",
            high_risk(f"10000x{8 * DAY - 1} 14000x{2 * DAY}", 400),
            {
                "200h": [],
                "226h": [
                    {
                        "labels": {**SHOP, "level": "high", "currency": "EUR"},
                        "says": {PERCENT: "40%"},
                    }
                ],
            },
        ),
        over_weeks("a fifth more", high_risk(f"10000x{8 * DAY - 1} 12000x{2 * DAY}", 400), {"226h": []}),
        over_weeks(
            "twice as much, but of few customers", high_risk(f"900x{8 * DAY - 1} 1800x{2 * DAY}", 30), {"226h": []}
        ),
        over_weeks("nothing was at risk before", high_risk(f"0x{8 * DAY - 1} 1800x{2 * DAY}", 400), {"226h": []}),
        over_weeks(
            "an hour's peak",
            high_risk(f"10000x{8 * DAY - 1} 40000x11 10000x{2 * DAY}", 400),
            {"200h": [], "226h": []},
        ),
    ],
    "HomecomingPainlessResolutionFalling": [
        over_weeks(
            "ten points lower than four weeks ago",
            compared("painless_resolution", 0.8, 0.7, 640),
            {"671h": [], "680h": [percent("10%", **PAINLESS)]},
        ),
        over_weeks("ten points of few tickets are chance", compared("painless_resolution", 0.8, 0.7, 80), {"690h": []}),
        over_weeks("hardly any tickets", compared("painless_resolution", 0.9, 0.4, 40), {"690h": []}),
        over_weeks("four points of very many", compared("painless_resolution", 0.8, 0.76, 20_000), {"690h": []}),
    ],
    "HomecomingSilentChurnRising": [
        over_weeks(
            "ten points higher than four weeks ago",
            compared("silent_churn", 0.6, 0.7, 1400),
            {"671h": [], "680h": [percent("10%", **SILENT)]},
        ),
        over_weeks("ten points of few lapses are chance", compared("silent_churn", 0.6, 0.7, 120), {"690h": []}),
        over_weeks("hardly anybody lapsed", compared("silent_churn", 0.3, 0.9, 80), {"690h": []}),
        over_weeks("it falls", compared("silent_churn", 0.7, 0.6, 1400), {"690h": []}),
    ],
    "HomecomingAbsent": [
        story("none is scraped", {'up{job="other", instance="x"}': "1x20"}, {"4m": [], "6m": [{"labels": {}}]}),
        story("one is scraped", assigned("0x20", "_x20"), {"6m": [], "20m": []}),
    ],
    "HomecomingInstanceAbsent": [
        story(
            "one of two does not answer",
            {**LOST_INSTANCE, **assigned("6x9", "6x30")},
            {"14m": [], "16m": [fires({"instance": "a"})]},
        ),
        story(
            "something else does not answer",
            {'up{job="web", instance="w"}': "0x30", **assigned("6x30", "6x30")},
            {"20m": []},
        ),
        story(
            "it holds no partition", {**LOST_INSTANCE, **assigned("0x9", "6x30")}, {"16m": [fires({"instance": "a"})]}
        ),
    ],
    "HomecomingPartitionsUnworked": [
        story(
            "nobody takes over",
            assigned("6x60", "6x30 _x30"),
            {"30m": [], "33m": [], "41m": [{"labels": SHOP, "says": {PLAIN: "6"}}]},
        ),
        story("the other takes over", assigned("6x31 12x29", "6x30 _x30"), {"41m": [], "60m": []}),
        story("both held them for a moment", assigned("6x20 12x20 6x20", "6x60"), {"50m": [], "60m": []}),
    ],
    "HomecomingLagging": [
        story(
            "five minutes late for long",
            of_input("300x30", "900x30"),
            {"9m": [], "11m": [fires({"source": "purchases"}, **{DURATION: "5m 0s"})]},
        ),
        story("late for a moment", of_input("300x5 10x30", "900x30"), {"11m": [], "30m": []}),
        story("nothing to read", of_input("0x30", "0x30"), {"30m": []}),
    ],
    "HomecomingNotCatchingUp": [
        story(
            "twenty minutes late, and it stays so",
            of_input("1200x40", "900x40"),
            {"19m": [], "21m": [fires({"source": "purchases"}, **{DURATION: "20m 0s"})]},
        ),
        story("an hour late, but catching up", of_input("3600-20x40", "900x40"), {"21m": [], "40m": []}),
        story("ten minutes late", of_input("600x40", "900x40"), {"40m": []}),
    ],
    "HomecomingInputBlocked": [
        story(
            "records are left and none is taken in", of_input("1+60x30", "40+7x30"), {"3m": [], "8m": [fires(INPUT)]}
        ),
        story("none was taken in since it came here", of_input("0x30", "500x30"), {"2m": [], "4m": [fires(INPUT)]}),
        story("late, but reading on", of_input("900-20x30", "40+7x30"), {"8m": [], "30m": []}),
        story("a slow reader falls behind", of_input("10+30x30", "40+7x30"), {"8m": [], "30m": []}),
        story("at the end", of_input("0x30", "0x30"), {"8m": [], "30m": []}),
        story("a short stop", of_input("1+60x3 0x30", "40x3 0x30"), {"5m": [], "8m": [], "30m": []}),
    ],
    "HomecomingWatermarkStuck": [
        story(
            "time stands though an input is not idle",
            time_and_inputs("1000x40", "0x40", "1x40"),
            {"9m": [], "11m": [{"labels": SHOP, "says": {PLAIN: "1"}}]},
        ),
        story("all inputs are idle", time_and_inputs("1000x40", "1x40", "1x40"), {"11m": [], "40m": []}),
        story("time goes on", time_and_inputs("1000+60x40", "0x40", "0x40"), {"11m": [], "40m": []}),
    ],
    "HomecomingCommitsAborting": [
        story("one in five is dropped", commits("0+24x40", "0+6x40"), {"3m": [], "30m": [percent("20%")]}),
        story("none goes through", commits("100x40", "0+6x40"), {"30m": [percent("100%")]}),
        story("three in a quiet hour", commits("0+0.1x40", "0 0 1 1 1 2 2 2 3 3x30"), {"11m": [], "30m": []}),
        story("one in a hundred, of many", commits("0+990x40", "0+10x40"), {"30m": []}),
        story("nothing to commit", commits("5x40", "0x40"), {"30m": []}),
    ],
    "HomecomingRestoreStuck": [
        story(
            "records are left and no fewer",
            restoring("500x40"),
            {"14m": [], "17m": [fires({"instance": "a"}, **{PLAIN: "1"})]},
        ),
        story(
            "nothing left to read, but not at work",
            restoring("0x40"),
            {"17m": [fires({"instance": "a"}, **{PLAIN: "1"})]},
        ),
        story("a long restore that gets on", restoring("90000-1000x40"), {"17m": [], "40m": []}),
        story("at work", restoring("0x40", "0x40"), {"17m": [], "40m": []}),
        story(
            "at work, then restored anew in time",
            restoring("0x20 900 600 300 0x20", "0x20 _x3 0x20"),
            {"25m": [], "40m": []},
        ),
    ],
    "HomecomingDeadLetters": [
        story(
            "one in ten can't be used",
            events("0+90x40", "0+10x40"),
            {"3m": [], "30m": [percent("10%", source="purchases")]},
        ),
        story("one of three in a quiet hour", events("0 0 1 1 2x36", "0 0 0 1x37"), {"10m": [], "30m": []}),
        story("one in a thousand", events("0+9990x40", "0+10x40"), {"30m": []}),
        story("none", events("0+90x40", "0x40"), {"30m": []}),
    ],
    "HomecomingInvariantFailed": [
        story(
            "once",
            {'homecoming_invariant_failures_total{job="shop", instance="a", invariant="offsets_agree"}': "0x9 1x90"},
            {"9m": [], "12m": [fires({"invariant": "offsets_agree"})], "90m": []},
        ),
        story(
            "never",
            {'homecoming_invariant_failures_total{job="shop", instance="a", invariant="offsets_agree"}': "0x99"},
            {"30m": [], "90m": []},
        ),
    ],
}
