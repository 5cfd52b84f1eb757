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
  private static final String CHECKSUM = "\r\n" + Checksum.HEADER + ": ";
  private static final String END_OF_HEADERS = "\r\n\r\n";
  private static final int LENGTH_DIGITS = 10;
  private static final int CHECKSUM_DIGITS = 8;
  private static final int CHUNK = 64 * 1024;

  private final ConnectionPool pool;
  private final Channel channel;
  private final long openedAt = System.nanoTime();

  private Attempt attempt;
  private Reply reply;
  private ScheduledFuture<?> timeout;
  private ScheduledFuture<?> stall;
  private boolean servedBefore;
  private boolean sendsChecksums;

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
    int headers =
        head.length + LENGTH_DIGITS + CHECKSUM.length() + CHECKSUM_DIGITS + END_OF_HEADERS.length();
    ByteBuf buffer = channel.alloc().directBuffer(Math.addExact(headers, size));
    try {
      buffer.writeBytes(head);
      buffer.writeCharSequence(Integer.toString(size), StandardCharsets.US_ASCII);
      buffer.writeCharSequence(CHECKSUM, StandardCharsets.US_ASCII);
      int start = buffer.writerIndex() + CHECKSUM_DIGITS + END_OF_HEADERS.length();
      CodedOutputStream body = CodedOutputStream.newInstance(buffer.nioBuffer(start, size));
      request.writeTo(body);
      body.flush();
      buffer.writeCharSequence(Checksum.of(buffer.nioBuffer(start, size)), StandardCharsets.US_ASCII);
      buffer.writeCharSequence(END_OF_HEADERS, StandardCharsets.US_ASCII);
      return buffer.writerIndex(start + size);
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

  @Override
  public void channelReadComplete(ChannelHandlerContext context) throws Exception {
    stopWaiting();
    if (attempt != null && !reply.isUntouched()) {
      stall = channel.eventLoop().schedule(this::stalled, pool.settings().stall.toMillis(), TimeUnit.MILLISECONDS);
    }
    super.channelReadComplete(context);
  }

  private void finished() {
    Attempt ended = endAttempt();
    Reply whole = reply;
    reply = null;
    FromFunction parsed;
    try {
      parsed = whole.parse(sendsChecksums);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      // Whoever answers nonsense once is not trusted with where the next answer begins.
      channel.close();
      ended.failed(e);
      return;
    }
    sendsChecksums |= whole.hasChecksum();
    if (whole.keepsAlive()) {
      servedBefore = true;
      pool.release(this);
    } else {
      channel.close();
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

  private void stalled() {
    broken(new TimeoutException("the reply broke off " + pool.settings().stall + " ago"));
  }

  private void stopWaiting() {
    if (stall != null) {
      stall.cancel(false);
      stall = null;
    }
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
    stopWaiting();
    Attempt ended = attempt;
    attempt = null;
    return ended;
  }
}
