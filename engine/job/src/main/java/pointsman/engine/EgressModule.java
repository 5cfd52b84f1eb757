package pointsman.engine;

import java.util.Map;
import org.apache.flink.statefun.extensions.ExtensionModule;
import org.apache.flink.statefun.sdk.TypeName;

/** Makes the egress that writes in transactions known to StateFun as {@code kind: pointsman/transactions}. */
public final class EgressModule implements ExtensionModule {
  private static final TypeName KIND = TypeName.parseFrom("pointsman/transactions");

  @Override
  public void configure(Map<String, String> globalConfiguration, Binder binder) {
    binder.bindExtension(KIND, new TransactionalEgress());
  }
}
