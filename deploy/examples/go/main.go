// Reads homecoming's signals and says, for each, what is to be done.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How many handled event ids are remembered.
const remembered = 100_000

// By which channels an action may reach a customer, the best first.
var channels = map[string][]string{"call": {"phone"}, "win_back_offer": {"email", "sms", "post"}}

// What is done in the house: nobody is written to, so nobody is asked.
var inTheHouse = map[string]string{"resolve_ticket": "at the support desk", "thank_you": "in the parcel"}

// decide says what to do about a valid signal.
func decide(told map[string]any) string {
	action, isAsked := told["action"].(string)
	if !isAsked {
		return "leave: nothing to do"
	}
	if told["arm"] == "holdout" {
		return "leave: holdout"
	}
	if where, isInside := inTheHouse[action]; isInside {
		return action + " " + where
	}
	allowed, _ := told["contact_channels"].([]any)
	for _, channel := range channels[action] {
		if slices.Contains(allowed, any(channel)) {
			return action + " by " + channel
		}
	}
	return "leave: no consent"
}

// handled knows the latest event ids.
type handled struct {
	ids    map[string]struct{}
	oldest []string
}

func (h *handled) has(id string) bool {
	_, isThere := h.ids[id]
	return isThere
}

func (h *handled) add(id string) {
	h.ids[id] = struct{}{}
	h.oldest = append(h.oldest, id)
	if len(h.oldest) > remembered {
		delete(h.ids, h.oldest[0])
		h.oldest = h.oldest[1:]
	}
}

type reader struct {
	schemas map[string]*jsonschema.Schema
	handled handled
}

func (r *reader) handle(record *kgo.Record) {
	told, err := r.parse(record)
	if err != nil {
		// The place and the rule, not the content: a log is no place for customers.
		log.Printf("%s [%d] at offset %d breaks the schema: %v", record.Topic, record.Partition, record.Offset, err)
		fmt.Println("-\tleave: breaks the schema")
		return
	}
	id := told["event_id"].(string)
	if r.handled.has(id) {
		fmt.Printf("%s\tleave: handled before\n", id)
		return
	}
	// Your work goes here. When it fails, end without committing: the signal is delivered again.
	fmt.Printf("%s\t%s\n", id, decide(told))
	r.handled.add(id)
}

func (r *reader) parse(record *kgo.Record) (map[string]any, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(record.Value))
	if err != nil {
		return nil, errors.New("no JSON")
	}
	if err := r.schemas[record.Topic].Validate(value); err != nil {
		var invalid *jsonschema.ValidationError
		if errors.As(err, &invalid) {
			cause := invalid
			for len(cause.Causes) > 0 {
				cause = cause.Causes[0]
			}
			rule := strings.Join(cause.ErrorKind.KeywordPath(), "/")
			return nil, fmt.Errorf("/%s, %s", strings.Join(cause.InstanceLocation, "/"), rule)
		}
		return nil, err
	}
	return value.(map[string]any), nil
}

func schema(name string) *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	return compiler.MustCompile(filepath.Join(env("SCHEMAS", "schemas"), name))
}

func env(name, otherwise string) string {
	return cmp.Or(os.Getenv(name), otherwise)
}

func run(ctx context.Context) error {
	returning, risk := env("RETURNING_CUSTOMERS", "returning-customers"), env("CHURN_RISK", "churn-risk")
	r := reader{
		schemas: map[string]*jsonschema.Schema{
			returning: schema("returning_customer.schema.json"),
			risk:      schema("churn_risk.schema.json"),
		},
		handled: handled{ids: map[string]struct{}{}},
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(env("BOOTSTRAP_SERVERS", "127.0.0.1:9092"), ",")...),
		kgo.ConsumerGroup(env("GROUP_ID", "signal-reader")),
		kgo.ConsumeTopics(returning, risk),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// What was polled stays ours until it is handled and committed.
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()

	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 1000)
		for _, failed := range fetches.Errors() {
			if errors.Is(failed.Err, context.Canceled) {
				continue
			}
			if !kerr.IsRetriable(failed.Err) {
				return fmt.Errorf("%s [%d]: %w", failed.Topic, failed.Partition, failed.Err)
			}
			log.Printf("%s [%d]: %v", failed.Topic, failed.Partition, failed.Err)
		}
		fetches.EachRecord(r.handle)
		// Not with ctx: what was handled is committed in a stop too.
		if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
			return err
		}
		client.AllowRebalance()
	}
	return nil
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}
