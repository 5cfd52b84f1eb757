#!/bin/bash
# As apache/flink-statefun's own entry point: ROLE says which of the two processes this container is.
set -euo pipefail
classpath="/opt/flink/lib/*"
opened=(java.lang java.util java.net java.io java.nio sun.nio.ch java.lang.reflect java.text java.time
    java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks)
jvm=(--add-exports=java.base/sun.net.util=ALL-UNNAMED "${opened[@]/#/--add-opens=java.base/}")
jvm=("${jvm[@]/%[a-z]/&=ALL-UNNAMED}")
