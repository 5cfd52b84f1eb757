package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"pointsman/ask/pb"
)

// An answer says who decided, and what came out.
type answer struct {
	ID         string   `json:"id"`
	Version    string   `json:"version"`
	Arm        string   `json:"arm"`
	Epoch      int64    `json:"epoch"`
	DecisionID string   `json:"decision_id"`
	Outputs    []tensor `json:"outputs"`
}

// A tensor is an output as the Open Inference Protocol writes it.
type tensor struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
	Data     []any   `json:"data"`
}

// A failure is the canonical name of a gRPC code, and a sentence.
type failure struct{ code, message string }

func (f failure) Error() string { return f.code + ": " + f.message }

// unanswered returns why nothing came back.
func unanswered(ctx context.Context, err error) failure {
	if ctx.Err() != nil {
		return failure{"DEADLINE_EXCEEDED", "no answer in time: " + err.Error()}
	}
	return failure{"UNAVAILABLE", err.Error()}
}

// read returns what a response says; its error is a failure.
func read(response *pb.InferenceResponse) (answer, error) {
	if refused := response.GetError(); refused != nil {
		return answer{}, failure{refused.GetCode(), refused.GetMessage()}
	}
	said := answer{
		ID:         response.GetId(),
		Version:    response.GetVersion(),
		Arm:        response.GetArm(),
		Epoch:      response.GetEpoch(),
		DecisionID: response.GetDecisionId(),
	}
	for _, output := range response.GetOutputs().GetTensors() {
		if output.GetDatatype() != "FP32" || output.GetReference() != "" {
			sentence := fmt.Sprintf("output %q is not FP32, or not in the answer itself", output.GetName())
			return answer{}, failure{"UNIMPLEMENTED", sentence}
		}
		data := numbers(output.GetRaw())
		said.Outputs = append(said.Outputs, tensor{output.GetName(), "FP32", output.GetShape(), data})
	}
	return said, nil
}

// numbers returns the elements of an FP32 tensor; those that JSON has no number for are null.
func numbers(raw []byte) []any {
	data := make([]any, len(raw)/4)
	for place := range data {
		value := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*place:])))
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			data[place] = value
		}
	}
	return data
}
