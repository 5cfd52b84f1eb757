// Ask sends one row of numbers to a model, through a gateway or through Kafka, and prints the answer as a
// line of JSON. What is no answer it prints as `CODE: sentence`, and ends with 1.
package main

//go:generate sh generate.sh

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// A way asks at an address, HOST:PORT, until the context ends. Its error is a failure.
type way func(ctx context.Context, address string, q question) (answer, error)

var ways = map[string]way{"grpc": askGRPC, "http": askHTTP, "kafka": askKafka}

func main() {
	q := question{id: rand.Text(), values: make([]float32, 64)}
	addresses := map[string]*string{}
	for name := range ways {
		addresses[name] = flag.String(name, "", "`HOST:PORT` to ask over "+name)
	}
	flag.StringVar(&q.model, "model", "digits", "the model's `NAME`")
	flag.StringVar(&q.unit, "unit", "", "the sticky unit: a user, a device, a session")
	flag.StringVar(&q.input, "input", "pixels", "the `NAME` of the model's input")
	flag.Func("values", "its row, `X,Y,...` (default 64 zeros)", q.readValues)
	seconds := flag.Float64("timeout", 10, "`SECONDS` within which the answer is wanted")
	flag.Parse()
	ask, address := chosen(addresses)
	if ask == nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: ask --grpc|--http|--kafka HOST:PORT [options]")
		flag.PrintDefaults()
		os.Exit(2)
	}
	q.timeout = time.Duration(*seconds * float64(time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), q.timeout)
	defer cancel()
	answered, err := ask(ctx, address, q)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answered)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// chosen returns the one way that has an address; nil where that is none, or several.
func chosen(addresses map[string]*string) (way, string) {
	var ask way
	var at string
	for name, address := range addresses {
		if *address == "" {
			continue
		}
		if ask != nil {
			return nil, ""
		}
		ask, at = ways[name], *address
	}
	return ask, at
}
