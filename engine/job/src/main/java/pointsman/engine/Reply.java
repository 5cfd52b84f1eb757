package pointsman.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.shaded.netty4.io.netty.buffer.ByteBuf;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpContent;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpObject;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseStatus;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpStatusClass;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpUtil;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.LastHttpContent;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;

/** Gathers the parts of one HTTP response and judges the whole. */
final class Reply {
  private static final String CONTENT_TYPE = "application/octet-stream";
  private static final int FIRST_CAPACITY = 1 << 20;
  private static final int EXCERPT = 200;

  private final long limit;
  private HttpResponse head;
  private byte[] body = {};
  private int size;

  Reply(long limit) {
    // A Java array ends before 2 GiB.
    this.limit = Math.min(limit, Integer.MAX_VALUE - 8);
  }

  boolean isUntouched() {
    return head == null;
  }

  /**
   * Takes the next part; true when the response is complete.
   *
   * @throws ReplyTooLarge as soon as it is known that the body is over the limit
   */
  boolean take(HttpObject part) throws IOException {
    if (part.decoderResult().isFailure()) {
      throw new IOException("not an HTTP response", part.decoderResult().cause());
    }
    if (part instanceof HttpResponse) {
      head = (HttpResponse) part;
      reserve(HttpUtil.getContentLength(head, 0L));
    }
    if (part instanceof HttpContent) {
      append(((HttpContent) part).content());
    }
    return part instanceof LastHttpContent && head.status().codeClass() != HttpStatusClass.INFORMATIONAL;
  }

  boolean keepsAlive() {
    return HttpUtil.isKeepAlive(head);
  }

  boolean hasChecksum() {
    return head.headers().contains(Checksum.HEADER);
  }

  /**
   * The answer, if the complete response is one: status 200, our content type, the body that was sent as far
   * as a checksum tells, a well-formed message.
   *
   * @param checked whether the function is known to send checksums, so that one without is corrupt itself
   */
  FromFunction parse(boolean checked) throws IOException {
    if (!HttpResponseStatus.OK.equals(head.status())) {
      throw new IOException("status " + head.status() + excerpt());
    }
    CharSequence type = HttpUtil.getMimeType(head);
    if (type == null || !CONTENT_TYPE.equalsIgnoreCase(type.toString().trim())) {
      throw new IOException("content type " + head.headers().get(HttpHeaderNames.CONTENT_TYPE) + excerpt());
    }
    if (checked || hasChecksum()) {
      String found = Checksum.of(ByteBuffer.wrap(body, 0, size));
      if (!found.equals(head.headers().get(Checksum.HEADER))) {
        throw new IOException("the reply of " + size + " bytes is corrupt: its checksum differs");
      }
    }
    return FromFunction.parser().parseFrom(body, 0, size);
  }

  private void append(ByteBuf content) throws ReplyTooLarge {
    int more = content.readableBytes();
    int needed = (int) checked((long) size + more);
    if (needed > body.length) {
      body = Arrays.copyOf(body, (int) Math.min(limit, Math.max(needed, 2L * body.length)));
    }
    content.readBytes(body, size, more);
    size = needed;
  }

  private void reserve(long announced) throws ReplyTooLarge {
    body = new byte[(int) Math.min(checked(announced), FIRST_CAPACITY)];
  }

  private long checked(long bytes) throws ReplyTooLarge {
    if (bytes > limit) {
      throw new ReplyTooLarge(limit);
    }
    return bytes;
  }

  private String excerpt() {
    String text = new String(body, 0, Math.min(size, EXCERPT), StandardCharsets.UTF_8);
    return text.isBlank() ? "" : ": " + text.replaceAll("\\s+", " ").strip();
  }

  /** The function answered more than it may; nothing but a smaller answer helps. */
  static final class ReplyTooLarge extends IOException {
    ReplyTooLarge(long limit) {
      super("the reply is larger than payload_max_bytes, " + limit);
    }
  }
}
