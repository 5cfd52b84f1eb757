package pointsman.engine;

import java.util.Map;
import org.apache.flink.statefun.extensions.ExtensionModule;
import org.apache.flink.statefun.sdk.TypeName;

/** Makes our transport known to StateFun as {@code transport: {type: pointsman/http}}. */
public final class TransportModule implements ExtensionModule {
  private static final TypeName TYPE = TypeName.parseFrom("pointsman/http");

  @Override
  public void configure(Map<String, String> globalConfiguration, Binder binder) {
    binder.bindExtension(TYPE, new HttpTransport());
  }
}
