package pointsman.engine;

import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** Where a function type is served, and the unchanging part of each request to it. */
final class Endpoint {
  private final URI url;
  private final InetSocketAddress address;
  private final byte[] requestHead;

  private Endpoint(URI url, InetSocketAddress address, byte[] requestHead) {
    this.url = url;
    this.address = address;
    this.requestHead = requestHead;
  }

  /** Takes plain {@code http} only. */
  static Endpoint parse(URI url) {
    // Not getHost(): it is null for hosts with an underscore, and pools may have one.
    String authority = url.getRawAuthority();
    if (!"http".equals(url.getScheme()) || authority == null) {
      throw new IllegalArgumentException("not an http URL: " + url);
    }
    int colon = authority.lastIndexOf(':');
    boolean hasPort = colon > authority.lastIndexOf(']');
    String host = (hasPort ? authority.substring(0, colon) : authority).replaceAll("[\\[\\]]", "");
    int port = hasPort ? Integer.parseInt(authority.substring(colon + 1)) : 80;
    String path = url.getRawPath().isEmpty() ? "/" : url.getRawPath();
    String query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
    String head =
        "POST " + path + query + " HTTP/1.1\r\n"
            + "Host: " + authority + "\r\n"
            + "Content-Type: application/octet-stream\r\n"
            + "Accept: application/octet-stream\r\n"
            + "Content-Length: ";
    return new Endpoint(
        url, InetSocketAddress.createUnresolved(host, port), head.getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Not resolved: a name may stand for another machine at each new connection. With a pools file the
   * last segment of the URL's path is the pool whose address is meant.
   */
  InetSocketAddress address(PoolsFile pools) {
    String path = url.getRawPath();
    return pools == null ? address : pools.address(path.substring(path.lastIndexOf('/') + 1), address);
  }

  /** Request line and headers, up to where the body's length belongs. */
  byte[] requestHead() {
    return requestHead;
  }

  @Override
  public String toString() {
    return url.toString();
  }
}
