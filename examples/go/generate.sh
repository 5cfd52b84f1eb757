#!/bin/sh
# Writes pb/ from the contracts; wants protoc. The plugins are those of go.mod.
set -eu
cd "$(dirname "$0")"
go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
mkdir -p pb
package=pointsman/ask/pb
set --
for file in ingress inference gateway; do
    path=pointsman/pb/v1/$file.proto
    set -- "$@" "--go_opt=M$path=$package" "--go-grpc_opt=M$path=$package" "$path"
done
PATH="$PWD/bin:$PATH" protoc -I ../../proto --go_out=pb --go-grpc_out=pb \
    "--go_opt=module=$package" "--go-grpc_opt=module=$package" "$@"
