#!/bin/bash
# As apache/kafka's own start: its wrapper turns KAFKA_* into server.properties, then formats, then serves.
set -euo pipefail
run() { java ${KAFKA_HEAP_OPTS:-} -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "/opt/kafka/libs/*" "$@"; }

defaults=$(mktemp -d)
touch "$defaults/server.properties" "$defaults/log4j.properties" "$defaults/tools-log4j.properties"
run kafka.docker.KafkaDockerWrapper setup --default-configs-dir "$defaults" \
    --mounted-configs-dir "$(mktemp -d)" --final-configs-dir /opt/kafka/config
run kafka.tools.StorageTool format --ignore-formatted -t "$CLUSTER_ID" -c /opt/kafka/config/server.properties
exec java ${KAFKA_HEAP_OPTS:-} -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "/opt/kafka/libs/*" \
    kafka.Kafka /opt/kafka/config/server.properties
