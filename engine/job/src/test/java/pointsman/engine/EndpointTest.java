package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
  @ParameterizedTest
  @CsvSource({
    "http://router:8000/pointsman/router, router, 8000, /pointsman/router",
    "http://torch/, torch, 80, /",
    "http://torch:8000, torch, 8000, /",
    "http://my_pool:8000/, my_pool, 8000, /",
    "http://a.b-:8000/x?y=1, a.b-, 8000, /x?y=1",
    "http://[::1]:8000/, ::1, 8000, /",
    "http://[::1]/, ::1, 80, /",
  })
  void findsHostPortAndPath(URI url, String host, int port, String path) {
    Endpoint endpoint = Endpoint.parse(url);
    assertEquals(host, endpoint.address(null).getHostString());
    assertEquals(port, endpoint.address(null).getPort());
    String head = new String(endpoint.requestHead(), StandardCharsets.US_ASCII);
    assertTrue(head.startsWith("POST " + path + " HTTP/1.1\r\n"), head);
  }

  @Test
  void looksNoNameUp() {
    assertTrue(Endpoint.parse(URI.create("http://localhost:8000/")).address(null).isUnresolved());
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://router:8000/", "router", "http:router"})
  void refusesWhatIsNotPlainHttp(URI url) {
    assertThrows(IllegalArgumentException.class, () -> Endpoint.parse(url));
  }
}
