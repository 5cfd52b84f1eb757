package pointsman.engine;

import java.net.URI;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.statefun.flink.core.reqreply.RequestReplyClient;
import org.apache.flink.statefun.flink.core.reqreply.RequestReplyClientFactory;

/**
 * Calls remote functions by HTTP and never gives up on one.
 *
 * <p>The stock transport fails the whole job when one function is away for longer than its time-out.
 * Here a failed attempt is logged and made again, at most a second later, for as long as the job
 * lives: calls to a dead pool wait, all others go on.
 */
public final class HttpTransport implements RequestReplyClientFactory {
  private Sockets sockets;

  /** One client for each function type and subtask; its calls may begin at once. */
  @Override
  public synchronized RequestReplyClient createTransportClient(ObjectNode properties, URI url) {
    TransportSettings settings = TransportSettings.parse(properties);
    Endpoint endpoint = Endpoint.parse(url);
    if (sockets == null) {
      sockets = new Sockets();
    }
    ConnectionPool pool = new ConnectionPool(endpoint, settings, sockets);
    return new StateAnswers(properties.path("states"), new RetryingClient(pool));
  }

  /** Ends all connections and threads; calls under way stay unanswered. StateFun calls it once for each endpoint. */
  @Override
  public synchronized void cleanup() {
    if (sockets != null) {
      sockets.close();
      sockets = null;
    }
  }
}
