#!/bin/bash
# As apache/flink-statefun's own entry point: ROLE says which of the two processes this container is.
set -euo pipefail
opened=(java.lang java.util java.net java.io java.nio sun.nio.ch java.lang.reflect java.text java.time
    java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks)
jvm=(--add-exports=java.base/sun.net.util=ALL-UNNAMED)
for package in "${opened[@]}"; do jvm+=("--add-opens=java.base/$package=ALL-UNNAMED"); done
jvm+=("-Dlog4j.configurationFile=/opt/flink/conf/log4j-console.properties" -cp "/opt/flink/lib/*")
arguments=(--configDir /opt/flink/conf "-Djobmanager.rpc.address=$MASTER_HOST")

if [[ $ROLE == master ]]; then
    launcher=org.apache.flink.statefun.flink.launcher.StatefulFunctionsClusterEntryPoint
    exec java "${jvm[@]}" "$launcher" "${arguments[@]}" "$@"
fi
# How the worker's memory is divided is worked out by Flink; its second line of results goes to the worker.
resources=$(java "${jvm[@]}" org.apache.flink.runtime.util.bash.BashJavaUtils GET_TM_RESOURCE_PARAMS \
    "${arguments[@]}" | sed -n 's/^BASH_JAVA_UTILS_EXEC_RESULT://p')
mapfile -t lines <<<"$resources"
read -ra limits <<<"${lines[0]}"
read -ra divided <<<"${lines[1]}"
exec java "${limits[@]}" "${jvm[@]}" org.apache.flink.runtime.taskexecutor.TaskManagerRunner \
    "${arguments[@]}" "${divided[@]}"
