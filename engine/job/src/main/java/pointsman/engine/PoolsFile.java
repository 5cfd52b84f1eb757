package pointsman.engine;

import java.io.IOException;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * Addresses of pools on one machine: a properties file of lines {@code pool=host:port}.
 *
 * <p>It is read again when it changed, looked at no more than five times a second, so a pool that is
 * entered there joins the running job. In a cluster names do this, and there is no such file.
 */
final class PoolsFile {
  private static final long LOOK_EVERY_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  private final Path file;
  private Properties pools = new Properties();
  private FileTime readAt;
  private long lookedAt = System.nanoTime() - LOOK_EVERY_NANOS;

  PoolsFile(Path file) {
    this.file = file;
  }

  /** Returns the address of a pool, or {@code otherwise} while the file does not name it. */
  synchronized InetSocketAddress address(String pool, InetSocketAddress otherwise) {
    look();
    String text = pools.getProperty(pool, "");
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      return otherwise;
    }
    try {
      return InetSocketAddress.createUnresolved(
          text.substring(0, colon), Integer.parseInt(text.substring(colon + 1).trim()));
    } catch (IllegalArgumentException notAPort) {
      return otherwise;
    }
  }

  private void look() {
    if (System.nanoTime() - lookedAt < LOOK_EVERY_NANOS) {
      return;
    }
    lookedAt = System.nanoTime();
    try {
      FileTime changedAt = Files.getLastModifiedTime(file);
      if (!changedAt.equals(readAt)) {
        Properties fresh = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
          fresh.load(reader);
        }
        pools = fresh;
        readAt = changedAt;
      }
    } catch (IOException | IllegalArgumentException unreadable) {
      // It is being replaced or was never written: what is known stays in force until the next look.
    }
  }
}
