package main

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"pointsman/ask/pb"
)

// A question is one row for one input of a model.
type question struct {
	id, model, unit, input string
	values                 []float32
	timeout                time.Duration
}

func (q *question) readValues(text string) error {
	q.values = nil
	for _, number := range strings.Split(text, ",") {
		value, err := strconv.ParseFloat(number, 32)
		if err != nil {
			return err
		}
		q.values = append(q.values, float32(value))
	}
	return nil
}

func (q question) shape() []int64 {
	return []int64{1, int64(len(q.values))}
}

// message returns the question as our own gRPC service and the topics take it.
func (q question) message() *pb.InferenceRequest {
	raw := make([]byte, 0, 4*len(q.values))
	for _, value := range q.values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(value))
	}
	tensor := &pb.Tensor{Name: q.input, Datatype: "FP32", Shape: q.shape(), Raw: raw}
	return &pb.InferenceRequest{
		Id:        q.id,
		Model:     q.model,
		Unit:      q.unit,
		TimeoutMs: q.timeout.Milliseconds(),
		Payload:   &pb.InferenceRequest_Tensors{Tensors: &pb.Tensors{Tensors: []*pb.Tensor{tensor}}},
	}
}
