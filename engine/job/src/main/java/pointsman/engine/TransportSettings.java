package pointsman.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.util.TimeUtils;

/** The {@code transport} block of an endpoint in module.yaml. */
final class TransportSettings {
  private static final Set<String> KNOWN =
      Set.of(
          "type", "call", "connect", "payload_max_bytes", "pool_size", "pool_ttl", "pools_file", "stall", "states");

  /** How long one attempt may take before it is made again; no answer is cut off earlier. */
  final Duration call;

  /**
   * How long a reply that has begun may stand still. A function computes before it answers, so this one's
   * length came corrupt, or its sender is gone.
   */
  final Duration stall;

  /** How long a connection may take to be made. */
  final Duration connect;

  /** The longest reply that is read. */
  final long payloadMaxBytes;

  /** The most connections to one function type; calls beyond it wait. */
  final int poolSize;

  /** The age at which a connection is replaced, so that new pods behind one name get their share. */
  final Duration poolTtl;

  /** Where the addresses of pools are found on one machine; null in a cluster. */
  final PoolsFile poolsFile;

  private TransportSettings(JsonNode block) {
    call = duration(block, "call", Duration.ofSeconds(60));
    stall = duration(block, "stall", Duration.ofSeconds(5));
    connect = duration(block, "connect", Duration.ofSeconds(1));
    payloadMaxBytes = block.path("payload_max_bytes").asLong(1L << 30);
    poolSize = block.path("pool_size").asInt(1024);
    poolTtl = duration(block, "pool_ttl", Duration.ofSeconds(15));
    poolsFile = block.has("pools_file") ? new PoolsFile(Path.of(block.get("pools_file").asText())) : null;
  }

  /** Refuses unknown names, which StateFun would let pass in silence. */
  static TransportSettings parse(JsonNode block) {
    block
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!KNOWN.contains(name)) {
                throw new IllegalArgumentException("unknown transport setting '" + name + "', known: " + KNOWN);
              }
            });
    return new TransportSettings(block);
  }

  private static Duration duration(JsonNode block, String name, Duration otherwise) {
    return block.has(name) ? TimeUtils.parseDuration(block.get(name).asText()) : otherwise;
  }
}
