package pointsman.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;

/**
 * A function server on a real socket that misbehaves as told: each request takes the next answer of the
 * script, and the usual answer when the script is used up. Closing the socket is an answer too.
 */
final class ScriptedServer implements AutoCloseable {
  /** Writes one response, or closes the connection. */
  interface Answer {
    void give(Socket connection) throws Exception;
  }

  final List<String> heads = new CopyOnWriteArrayList<>();
  final List<ToFunction> requests = new CopyOnWriteArrayList<>();
  final List<Socket> connections = new CopyOnWriteArrayList<>();

  private final Queue<Answer> script = new ConcurrentLinkedQueue<>();
  private final Answer usual;
  private final ServerSocket listener;
  private final Thread accepting;

  ScriptedServer(int port, Answer usual) throws IOException {
    this.usual = usual;
    listener = new ServerSocket();
    listener.setReuseAddress(true);
    listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    accepting = start(this::accept);
  }

  ScriptedServer then(Answer answer) {
    script.add(answer);
    return this;
  }

  int port() {
    return listener.getLocalPort();
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + port() + "/pointsman/router");
  }

  static Answer http(String head, byte[] body) {
    return connection -> {
      ByteArrayOutputStream whole = new ByteArrayOutputStream();
      whole.write(("HTTP/1.1 " + head + "\r\nContent-Length: " + body.length + "\r\n\r\n").getBytes(ISO_8859_1));
      whole.write(body);
      OutputStream out = connection.getOutputStream();
      whole.writeTo(out);
      out.flush();
    };
  }

  static Answer ok(byte[] body) {
    return http("200 OK\r\nContent-Type: application/octet-stream", body);
  }

  static Answer text(String everything) {
    return connection -> connection.getOutputStream().write(everything.getBytes(ISO_8859_1));
  }

  static Answer cut() {
    return Socket::close;
  }

  static Answer after(Answer first, Answer second) {
    return connection -> {
      first.give(connection);
      second.give(connection);
    };
  }

  /** As the death of the process would: no more listening, every connection gone. */
  @Override
  public void close() throws IOException {
    listener.close();
    try {
      accepting.join(); // until it ends the kernel listens on, and nobody else can
    } catch (InterruptedException interrupted) {
      throw new InterruptedIOException("a server was still closing");
    }
    for (Socket connection : connections) {
      connection.close();
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket connection = listener.accept();
        connections.add(connection);
        start(() -> serve(connection));
      }
    } catch (IOException closed) {
      // The end of the server.
    }
  }

  private void serve(Socket connection) {
    try {
      DataInputStream in = new DataInputStream(connection.getInputStream());
      while (true) {
        String head = readHead(in);
        byte[] body = new byte[Integer.parseInt(head.replaceAll("(?s).*Content-Length: (\\d+)\r\n.*", "$1"))];
        in.readFully(body);
        heads.add(head);
        requests.add(ToFunction.parseFrom(body));
        Answer next = script.poll();
        (next == null ? usual : next).give(connection);
      }
    } catch (IOException closed) {
      // Either side closed the connection.
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static String readHead(DataInputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.length() < 4 || !head.substring(head.length() - 4).equals("\r\n\r\n")) {
      head.append((char) in.readUnsignedByte());
    }
    return head.toString();
  }

  private static Thread start(Runnable task) {
    Thread thread = new Thread(task, "scripted-server");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
