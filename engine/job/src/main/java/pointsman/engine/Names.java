package pointsman.engine;

/** The names that models may have: {@code [a-z0-9][a-z0-9._-]{0,62}}. They become addresses and parts of URLs. */
final class Names {
  private static final int LONGEST = 63;

  private Names() {}

  static boolean isValid(CharSequence name) {
    if (name.length() == 0 || name.length() > LONGEST || !isAlphanumeric(name.charAt(0))) {
      return false;
    }
    for (int i = 1; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!isAlphanumeric(c) && c != '.' && c != '_' && c != '-') {
        return false;
      }
    }
    return true;
  }

  private static boolean isAlphanumeric(char c) {
    return c >= 'a' && c <= 'z' || c >= '0' && c <= '9';
  }
}
