package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class PoolsFileTest {
  private static final InetSocketAddress OTHERWISE = InetSocketAddress.createUnresolved("pools.invalid", 80);

  @TempDir Path folder;

  @Test
  void namesTheAddressOfAPool() throws IOException {
    PoolsFile pools = written("default=127.0.0.1:8010\nchurn=localhost:9\n");
    assertEquals(InetSocketAddress.createUnresolved("127.0.0.1", 8010), pools.address("default", OTHERWISE));
    assertEquals(InetSocketAddress.createUnresolved("localhost", 9), pools.address("churn", OTHERWISE));
  }

  @Test
  void aPoolThatIsNotThereYetHasTheUrlsOwnAddress() throws IOException {
    assertEquals(OTHERWISE, written("default=127.0.0.1:8010\n").address("churn", OTHERWISE));
    assertEquals(OTHERWISE, new PoolsFile(folder.resolve("none")).address("churn", OTHERWISE));
  }

  @Test
  void aBrokenLineIsLikeNone() throws IOException {
    PoolsFile pools = written("a=nonsense\nb=:1\nc=h:port\nd=h:70000\ne=\\uXYZ");
    for (String pool : new String[] {"a", "b", "c", "d", "e"}) {
      assertEquals(OTHERWISE, pools.address(pool, OTHERWISE), pool);
    }
  }

  @Test
  @Timeout(10)
  void aChangeIsSeenWithoutARestart() throws IOException {
    Path file = folder.resolve("pools.properties");
    PoolsFile pools = written("default=127.0.0.1:1\n");
    assertEquals(1, pools.address("default", OTHERWISE).getPort());
    Files.writeString(file, "default=127.0.0.1:2\n");
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(5)));
    while (pools.address("default", OTHERWISE).getPort() != 2) {
      Thread.onSpinWait();
    }
  }

  private PoolsFile written(String text) throws IOException {
    Path file = folder.resolve("pools.properties");
    Files.writeString(file, text);
    return new PoolsFile(file);
  }
}
