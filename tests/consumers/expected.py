"""What a consumer must decide about the records of both topics, one a line: written apart from the consumers."""

import json
import sys

EVERYTHING = {
    "leave: breaks the schema",
    "leave: handled before",
    "leave: nothing to do",
    "leave: holdout",
    "leave: no consent",
    "resolve_ticket at the support desk",
    "thank_you in the parcel",
    "call by phone",
    "win_back_offer by email",
    "win_back_offer by sms",
    "win_back_offer by post",
}


def is_broken(line):
    """Whether `disturb.py` wrote it to break the schema: by its form or by its id."""
    try:
        told = json.loads(line)
    except ValueError:
        return True
    return not isinstance(told, dict) or told.get("event_id", "broken").startswith("b0b0b0b0") or "broken" in line


def decision(told):
    channels = told.get("contact_channels", ())
    match told["action"], told.get("arm"):
        case None, _:
            return "leave: nothing to do"
        case _, "holdout":
            return "leave: holdout"
        case "resolve_ticket", _:
            return "resolve_ticket at the support desk"
        case "thank_you", _:
            return "thank_you in the parcel"
        case "call", _:
            return "call by phone" if "phone" in channels else "leave: no consent"
        case "win_back_offer", _:
            by = [channel for channel in ("email", "sms", "post") if channel in channels]
            return f"win_back_offer by {by[0]}" if by else "leave: no consent"
        case action, _:
            raise SystemExit(f"an action that nobody knows: {action}")


def main():
    handled, said = set(), set()
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                if is_broken(line):
                    event_id, what = "-", "leave: breaks the schema"
                else:
                    told = json.loads(line)
                    event_id = told["event_id"]
                    what = "leave: handled before" if event_id in handled else decision(told)
                    handled.add(event_id)
                said.add(what)
                print(f"{event_id}\t{what}")
    # A comparison of nothing with nothing would prove nothing.
    if said != EVERYTHING:
        raise SystemExit(f"these signals do not lead to {EVERYTHING - said}")


main()
