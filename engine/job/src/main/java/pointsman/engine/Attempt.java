package pointsman.engine;

import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;

/** One try to deliver a call. Exactly one of its four ends is called, on the event loop. */
interface Attempt {
  ToFunction request();

  void answered(FromFunction reply);

  void failed(Throwable cause);

  /** There was no connection to be had. */
  void unreachable(Throwable cause);

  /** The connection had served before and was closed without a byte of answer: most likely it was stale. */
  void wentStale(Throwable cause);
}
