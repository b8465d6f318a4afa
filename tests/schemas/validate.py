"""Python's jsonschema checks the schemas, their examples, a history as it is read and the signals as they are written."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def main(folder, *event_files):
    validators = {}
    for path in sorted(Path(folder).glob("*.schema.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        checker = Draft202012Validator.FORMAT_CHECKER
        validators[path.name.removesuffix(".schema.json")] = Draft202012Validator(schema, format_checker=checker)
        for example in schema["examples"]:
            validators[schema["title"]].validate(example)
    print(f"{len(validators)} schemas: valid, and so are their examples")
    wrong = 0
    for path in event_files:
        events = lines(path)
        for event in events:
            for error in validators[event["type"]].iter_errors(event):
                print(f"{path}: {error.json_path}: {error.message} in {json.dumps(event)}", file=sys.stderr)
                wrong += 1
        assert events, f"{path} is empty"
        print(f"{len(events)} events of {Path(path).name}: {'valid' if not wrong else 'not all valid'}")
    # The validator has to be able to say no.
    assert not validators["purchase"].is_valid({"type": "purchase"})
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
