package pointsman.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.shaded.netty4.io.netty.buffer.ByteBuf;
import org.apache.flink.shaded.netty4.io.netty.channel.Channel;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.SimpleChannelInboundHandler;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpObject;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseDecoder;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;
import com.google.protobuf.CodedOutputStream;

/** One HTTP/1.1 connection, kept alive: one request, then its answer, then the next. */
final class Connection extends SimpleChannelInboundHandler<HttpObject> {
  private static final byte[] END_OF_HEADERS = "\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final int LENGTH_DIGITS = 10;
  private static final int CHUNK = 64 * 1024;

  private final ConnectionPool pool;
  private final Channel channel;
  private final long openedAt = System.nanoTime();

  private Attempt attempt;
  private Reply reply;
  private ScheduledFuture<?> timeout;
  private boolean servedBefore;

  /** Puts itself at the end of the channel's pipeline. */
  Connection(ConnectionPool pool, Channel channel) {
    this.pool = pool;
    this.channel = channel;
    channel.pipeline().addLast(new HttpResponseDecoder(4096, 8192, CHUNK), this);
  }

  long openedAt() {
    return openedAt;
  }

  /** Sends the attempt's request and reports to it how that ended. The connection must be free. */
  void send(Attempt next) {
    attempt = next;
    reply = new Reply(pool.settings().payloadMaxBytes);
    timeout = channel.eventLoop().schedule(this::timedOut, pool.settings().call.toMillis(), TimeUnit.MILLISECONDS);
    try {
      channel
          .writeAndFlush(encode(next.request()))
          .addListener(
              written -> {
                if (!written.isSuccess()) {
                  broken(written.cause());
                }
              });
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      broken(e);
    }
  }

  void close() {
    channel.close();
  }

  private ByteBuf encode(ToFunction request) throws IOException {
    byte[] head = pool.endpoint().requestHead();
    int size = request.getSerializedSize();
    int headers = head.length + LENGTH_DIGITS + END_OF_HEADERS.length;
    ByteBuf buffer = channel.alloc().directBuffer(Math.addExact(headers, size));
    try {
      buffer.writeBytes(head);
      buffer.writeCharSequence(Integer.toString(size), StandardCharsets.US_ASCII);
      buffer.writeBytes(END_OF_HEADERS);
      CodedOutputStream body = CodedOutputStream.newInstance(buffer.nioBuffer(buffer.writerIndex(), size));
      request.writeTo(body);
      body.flush();
      return buffer.writerIndex(buffer.writerIndex() + size);
    } catch (IOException | RuntimeException e) {
      buffer.release();
      throw e;
    }
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, HttpObject part) throws Exception {
    if (attempt == null) {
      // Some servers say "408" to an idle connection before they close it.
      channel.close();
    } else if (reply.take(part)) {
      finished();
    }
  }

  private void finished() {
    Attempt ended = endAttempt();
    Reply whole = reply;
    reply = null;
    if (whole.keepsAlive()) {
      servedBefore = true;
      pool.release(this);
    } else {
      channel.close();
    }
    FromFunction parsed;
    try {
      parsed = whole.parse();
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      ended.failed(e);
      return;
    }
    ended.answered(parsed);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    broken(new IOException("connection closed by the server before it answered"));
    pool.closed(this);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    broken(cause);
  }

  private void timedOut() {
    broken(new TimeoutException("no answer within " + pool.settings().call));
  }

  private void broken(Throwable cause) {
    channel.close();
    if (attempt == null) {
      return;
    }
    boolean stale = servedBefore && reply.isUntouched() && !(cause instanceof TimeoutException);
    Attempt ended = endAttempt();
    if (stale) {
      ended.wentStale(cause);
    } else {
      ended.failed(cause);
    }
  }

  private Attempt endAttempt() {
    timeout.cancel(false);
    Attempt ended = attempt;
    attempt = null;
    return ended;
  }
}
