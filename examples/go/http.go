package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
)

var plain = regexp.MustCompile(`^([!-~]([ -~]*[!-~])?)?$`)

// askHTTP asks a gateway in the Open Inference Protocol.
func askHTTP(ctx context.Context, address string, q question) (answer, error) {
	request, err := inferRequest(ctx, address, q)
	if err != nil {
		return answer{}, failure{"INVALID_ARGUMENT", err.Error()}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, unanswered(ctx, err)
	}
	defer response.Body.Close()
	body := json.NewDecoder(response.Body)
	body.UseNumber()
	if response.StatusCode != http.StatusOK {
		var said struct{ Error string }
		_ = body.Decode(&said) // what no gateway of ours said has no sentence for us
		code := cmp.Or(response.Header.Get("x-pointsman-code"), "UNKNOWN")
		return answer{}, failure{code, cmp.Or(said.Error, response.Status)}
	}
	var said struct {
		ID         string
		Version    string `json:"model_version"`
		Parameters answer
		Outputs    []tensor
	}
	if err := body.Decode(&said); err != nil {
		return answer{}, unanswered(ctx, err)
	}
	answered := said.Parameters
	answered.ID, answered.Version, answered.Outputs = said.ID, said.Version, said.Outputs
	return answered, nil
}

func inferRequest(ctx context.Context, address string, q question) (*http.Request, error) {
	if !plain.MatchString(q.unit) {
		return nil, errors.New("unit: a header takes printable ASCII")
	}
	input := map[string]any{"name": q.input, "datatype": "FP32", "shape": q.shape(), "data": q.values}
	body, err := json.Marshal(map[string]any{"id": q.id, "inputs": []any{input}})
	if err != nil {
		return nil, err
	}
	at := "http://" + address + "/v2/models/" + url.PathEscape(q.model) + "/infer"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("x-pointsman-timeout-ms", strconv.FormatInt(q.timeout.Milliseconds(), 10))
	if q.unit != "" {
		request.Header.Set("x-pointsman-unit", q.unit)
	}
	return request, nil
}
