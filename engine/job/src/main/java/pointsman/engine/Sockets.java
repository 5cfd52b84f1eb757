package pointsman.engine;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.shaded.netty4.io.netty.bootstrap.Bootstrap;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelOption;
import org.apache.flink.shaded.netty4.io.netty.channel.EventLoop;
import org.apache.flink.shaded.netty4.io.netty.channel.EventLoopGroup;
import org.apache.flink.shaded.netty4.io.netty.channel.epoll.Epoll;
import org.apache.flink.shaded.netty4.io.netty.channel.epoll.EpollEventLoopGroup;
import org.apache.flink.shaded.netty4.io.netty.channel.epoll.EpollSocketChannel;
import org.apache.flink.shaded.netty4.io.netty.channel.nio.NioEventLoopGroup;
import org.apache.flink.shaded.netty4.io.netty.channel.socket.nio.NioSocketChannel;
import org.apache.flink.shaded.netty4.io.netty.resolver.AddressResolver;
import org.apache.flink.shaded.netty4.io.netty.resolver.AddressResolverGroup;
import org.apache.flink.shaded.netty4.io.netty.resolver.InetNameResolver;
import org.apache.flink.shaded.netty4.io.netty.resolver.InetSocketAddressResolver;
import org.apache.flink.shaded.netty4.io.netty.util.concurrent.EventExecutor;
import org.apache.flink.shaded.netty4.io.netty.util.concurrent.Promise;

/** The threads that all clients of one subtask share: event loops, and others that wait for name servers. */
final class Sockets {
  // A small machine computes on the other cores; one thread moves some 20,000 calls a second.
  private static final int LOOPS = Math.min(2, Runtime.getRuntime().availableProcessors());

  // Names of dead pools may take many seconds to fail; so many of them delay no other name.
  private static final int RESOLVERS = 32;

  private final EventLoopGroup loops;
  private final ExecutorService resolvers;

  Sockets() {
    loops =
        Epoll.isAvailable()
            ? new EpollEventLoopGroup(LOOPS, daemons("pointsman-http"))
            : new NioEventLoopGroup(LOOPS, daemons("pointsman-http"));
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            RESOLVERS, RESOLVERS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), daemons("pointsman-names"));
    pool.allowCoreThreadTimeOut(true);
    resolvers = pool;
  }

  EventLoop loop() {
    return loops.next();
  }

  /** Connections of one client, all on its event loop. */
  Bootstrap bootstrap(EventLoop loop, TransportSettings settings) {
    return new Bootstrap()
        .group(loop)
        .channel(loops instanceof EpollEventLoopGroup ? EpollSocketChannel.class : NioSocketChannel.class)
        .resolver(new OffLoopResolvers())
        .option(ChannelOption.TCP_NODELAY, true)
        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) settings.connect.toMillis());
  }

  void close() {
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    resolvers.shutdownNow();
  }

  private static ThreadFactory daemons(String name) {
    AtomicInteger count = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  private <T> void lookUp(Promise<T> promise, Callable<T> question) {
    resolvers.execute(
        () -> {
          try {
            promise.setSuccess(question.call());
          } catch (Exception e) {
            promise.setFailure(e);
          }
        });
  }

  /** Looks names up away from the event loop: the JDK's look-up blocks. */
  private final class OffLoopResolvers extends AddressResolverGroup<InetSocketAddress> {
    @Override
    protected AddressResolver<InetSocketAddress> newResolver(EventExecutor executor) {
      return new InetSocketAddressResolver(executor, new LookUp(executor));
    }
  }

  private final class LookUp extends InetNameResolver {
    LookUp(EventExecutor executor) {
      super(executor);
    }

    @Override
    protected void doResolve(String name, Promise<InetAddress> promise) {
      lookUp(promise, () -> InetAddress.getByName(name));
    }

    @Override
    protected void doResolveAll(String name, Promise<List<InetAddress>> promise) {
      lookUp(promise, () -> List.of(InetAddress.getAllByName(name)));
    }
  }
}
