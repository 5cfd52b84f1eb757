package main

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"pointsman/ask/pb"
)

// askGRPC asks a gateway's pointsman.v1.Inference.
func askGRPC(ctx context.Context, address string, q question) (answer, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return answer{}, failure{"INVALID_ARGUMENT", err.Error()}
	}
	defer connection.Close()
	response, err := pb.NewInferenceClient(connection).Infer(ctx, q.message())
	if err != nil {
		refused := status.Convert(err)
		return answer{}, failure{code.Code(refused.Code()).String(), refused.Message()}
	}
	return read(response)
}
