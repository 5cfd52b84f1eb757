package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"pointsman/ask/pb"
)

const (
	requests  = "pointsman.requests"
	responses = "pointsman.responses"
)

// askKafka writes to the topic of requests, under the model's name, and reads the answer from that of
// responses, where its key is the request's id.
func askKafka(ctx context.Context, address string, q question) (answer, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return answer{}, failure{"INVALID_ARGUMENT", err.Error()}
	}
	defer client.Close()
	// Before the request is sent, or its answer may be there before we look.
	if err := readFromEnd(ctx, client, q.id); err != nil {
		return answer{}, unanswered(ctx, err)
	}
	value, err := proto.Marshal(q.message())
	if err != nil {
		return answer{}, failure{"INVALID_ARGUMENT", err.Error()}
	}
	record := &kgo.Record{Topic: requests, Key: []byte(q.model), Value: value}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return answer{}, unanswered(ctx, err)
	}
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return answer{}, unanswered(ctx, err)
		}
		for _, record := range fetches.Records() {
			response := new(pb.InferenceResponse)
			// Answers to others lie here too, also in JSON.
			if proto.Unmarshal(record.Value, response) == nil && response.GetId() == q.id {
				return read(response)
			}
		}
	}
}

// readFromEnd lets the client read what comes from now on to the partition of a key.
func readFromEnd(ctx context.Context, client *kgo.Client, key string) error {
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, responses)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", responses, err)
	}
	byKey := kgo.StickyKeyPartitioner(nil).ForTopic(responses)
	partition := int32(byKey.Partition(&kgo.Record{Key: []byte(key)}, len(ends[responses])))
	place := kgo.NewOffset().At(ends[responses][partition].Offset)
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{responses: {partition: place}})
	return nil
}
