package pointsman.engine;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.flink.shaded.netty4.io.netty.bootstrap.Bootstrap;
import org.apache.flink.shaded.netty4.io.netty.channel.Channel;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelFuture;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInitializer;
import org.apache.flink.shaded.netty4.io.netty.channel.EventLoop;

/**
 * The connections to one function type. All its methods, and all events of its connections, run on its
 * one event loop, so nothing here is shared between threads.
 */
final class ConnectionPool {
  private final Endpoint endpoint;
  private final TransportSettings settings;
  private final EventLoop loop;
  private final Bootstrap bootstrap;

  private final Deque<Connection> idle = new ArrayDeque<>();
  private final Queue<Attempt> waiting = new ArrayDeque<>();
  private int open;

  ConnectionPool(Endpoint endpoint, TransportSettings settings, Sockets sockets) {
    this.endpoint = endpoint;
    this.settings = settings;
    this.loop = sockets.loop();
    this.bootstrap =
        sockets
            .bootstrap(loop, settings)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    new Connection(ConnectionPool.this, channel);
                  }
                });
    long sweep = Math.max(1, settings.poolTtl.toMillis());
    loop.scheduleWithFixedDelay(this::closeOldIdle, sweep, sweep, TimeUnit.MILLISECONDS);
  }

  EventLoop loop() {
    return loop;
  }

  Endpoint endpoint() {
    return endpoint;
  }

  TransportSettings settings() {
    return settings;
  }

  /** Starts the attempt on the connection used last, on a new one, or when another call gives one back. */
  void start(Attempt attempt) {
    Connection connection = idle.pollLast();
    if (connection != null) {
      connection.send(attempt);
    } else if (open < settings.poolSize) {
      open++;
      bootstrap
          .connect(endpoint.address(settings.poolsFile))
          .addListener((ChannelFuture made) -> connected(made, attempt));
    } else {
      waiting.add(attempt);
    }
  }

  private void connected(ChannelFuture made, Attempt attempt) {
    if (made.isSuccess()) {
      made.channel().pipeline().get(Connection.class).send(attempt);
    } else {
      closed();
      attempt.unreachable(made.cause());
    }
  }

  /** Takes back a connection that is fit for another request. */
  void release(Connection connection) {
    if (isOld(connection)) {
      connection.close();
    } else if (waiting.isEmpty()) {
      idle.addLast(connection);
    } else {
      connection.send(waiting.remove());
    }
  }

  /** A connection has ended, whoever ended it. */
  void closed(Connection connection) {
    idle.remove(connection);
    closed();
  }

  private void closed() {
    open--;
    if (!waiting.isEmpty() && !loop.isShuttingDown()) {
      start(waiting.remove());
    }
  }

  private boolean isOld(Connection connection) {
    return System.nanoTime() - connection.openedAt() > settings.poolTtl.toNanos();
  }

  private void closeOldIdle() {
    List<Connection> old = idle.stream().filter(this::isOld).collect(Collectors.toList());
    idle.removeAll(old);
    old.forEach(Connection::close);
  }
}
