/* Reading of options for Diph plugins in C and C++: header-only, allocates nothing, independent of the locale.
 *
 * A loop over the members of the JSON object reads what it knows and refuses the rest:
 *
 *   diph_member member;
 *   uint64_t at = 0;
 *   int more;
 *   while ((more = diph_next_member(options_json, &at, &member)) > 0) {
 *     if (diph_string_equals(member.key, "factor")) {
 *       if (!diph_json_number(member.value, &factor)) return diph_fail(error, DIPH_ERROR_ARGUMENT, "option `factor`: ..");
 *     } else {
 *       return diph_fail_option(error, member.key, "unknown option");
 *     }
 *   }
 *   if (more < 0) return diph_fail(error, DIPH_ERROR_ARGUMENT, "options: expected a JSON object");
 */
#ifndef DIPH_OPTIONS_H
#define DIPH_OPTIONS_H

#include "diph_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif


/* One member of a JSON object: the key between its quotes as it stands (hosts write keys without escapes), and the text of
 * its value without the white space around it. Both point into the JSON. */
typedef struct diph_member {
  diph_string key;
  diph_string value;
} diph_member;

static inline uint64_t diph_json_skip_space(diph_string json, uint64_t at) {
  while (at < json.length &&
         (json.data[at] == ' ' || json.data[at] == '\t' || json.data[at] == '\n' || json.data[at] == '\r')) {
    ++at;
  }
  return at;
}

/* Past the closing quote of the string that starts at `at`; 0 when there is none. */
static inline uint64_t diph_json_skip_string(diph_string json, uint64_t at) {
  if (at >= json.length || json.data[at] != '"') {
    return 0;
  }
  for (++at; at < json.length; ++at) {
    if (json.data[at] == '\\') {
      ++at;
    } else if (json.data[at] == '"') {
      return at + 1;
    }
  }
  return 0;
}

/* Past the value that starts at `at` (brackets are counted, not matched by kind); 0 when it does not end. */
static inline uint64_t diph_json_skip_value(diph_string json, uint64_t at) {
  uint64_t start = at, depth = 0;
  while (at < json.length) {
    char c = json.data[at];
    if (c == '"') {
      at = diph_json_skip_string(json, at);
      if (at == 0) {
        return 0;
      }
      continue;
    }
    if (depth == 0 &&
        (c == ',' || c == '}' || c == ']' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      break;
    }
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    ++at;
  }
  return depth == 0 && at > start ? at : 0;
}

/* Steps through the members of the object `json`; `*at` is 0 before the first call. Returns 1 with the next member, 0 after
 * the last one, -1 when this is no JSON object. */
static inline int diph_next_member(diph_string json, uint64_t *at, diph_member *member) {
  uint64_t i = diph_json_skip_space(json, *at), end;
  if (*at == 0) {
    if (i >= json.length || json.data[i] != '{') {
      return -1;
    }
    i = diph_json_skip_space(json, i + 1);
    if (i < json.length && json.data[i] == '}') {
      return diph_json_skip_space(json, i + 1) == json.length ? 0 : -1;
    }
  } else {
    if (i < json.length && json.data[i] == '}') {
      return diph_json_skip_space(json, i + 1) == json.length ? 0 : -1;
    }
    if (i >= json.length || json.data[i] != ',') {
      return -1;
    }
    i = diph_json_skip_space(json, i + 1);
  }
  end = diph_json_skip_string(json, i);
  if (end == 0) {
    return -1;
  }
  member->key.data = json.data + i + 1;
  member->key.length = end - i - 2;
  i = diph_json_skip_space(json, end);
  if (i >= json.length || json.data[i] != ':') {
    return -1;
  }
  i = diph_json_skip_space(json, i + 1);
  end = diph_json_skip_value(json, i);
  if (end == 0) {
    return -1;
  }
  member->value.data = json.data + i;
  member->value.length = end - i;
  *at = end;
  return 1;
}

/* Puts "option `key`: message" into `error` and returns DIPH_ERROR_ARGUMENT. */
static inline int32_t diph_fail_option(diph_error *error, diph_string key, const char *message) {
  const char *before = "option `", *after = "`: ";
  uint64_t n = 0, i;
  if (error != 0) {
    for (i = 0; before[i] != 0 && n < error->capacity; ++i) error->message[n++] = before[i];
    for (i = 0; i < key.length && n < error->capacity; ++i) error->message[n++] = key.data[i];
    for (i = 0; after[i] != 0 && n < error->capacity; ++i) error->message[n++] = after[i];
    for (i = 0; message[i] != 0 && n < error->capacity; ++i) error->message[n++] = message[i];
    error->written = n;
  }
  return DIPH_ERROR_ARGUMENT;
}

/* Reads a JSON number; 1 on success, 0 for anything else and for numbers beyond a double. Exact for up to 15 digits with
 * exponents up to 22, otherwise within a few units in the last place; independent of the locale. */
static inline int diph_json_number(diph_string value, double *number) {
  uint64_t i = 0, digits = 0, mantissa = 0;
  int negative = 0, negative_exponent = 0;
  int64_t exponent = 0, written = 0;
  double result, power = 1.0, square = 10.0;
  if (i < value.length && value.data[i] == '-') {
    negative = 1;
    ++i;
  }
  if (i + 1 < value.length && value.data[i] == '0' && value.data[i + 1] >= '0' && value.data[i + 1] <= '9') {
    return 0;
  }
  for (; i < value.length && value.data[i] >= '0' && value.data[i] <= '9'; ++i, ++digits) {
    if (mantissa < 100000000000000000u) {
      mantissa = 10 * mantissa + (uint64_t)(value.data[i] - '0');
    } else {
      ++exponent;
    }
  }
  if (digits == 0) {
    return 0;
  }
  if (i < value.length && value.data[i] == '.') {
    digits = 0;
    for (++i; i < value.length && value.data[i] >= '0' && value.data[i] <= '9'; ++i, ++digits) {
      if (mantissa < 100000000000000000u) {
        mantissa = 10 * mantissa + (uint64_t)(value.data[i] - '0');
        --exponent;
      }
    }
    if (digits == 0) {
      return 0;
    }
  }
  if (i < value.length && (value.data[i] == 'e' || value.data[i] == 'E')) {
    ++i;
    if (i < value.length && (value.data[i] == '+' || value.data[i] == '-')) {
      negative_exponent = value.data[i] == '-';
      ++i;
    }
    digits = 0;
    for (; i < value.length && value.data[i] >= '0' && value.data[i] <= '9'; ++i, ++digits) {
      if (written < 100000) {
        written = 10 * written + (value.data[i] - '0');
      }
    }
    if (digits == 0) {
      return 0;
    }
    exponent += negative_exponent ? -written : written;
  }
  if (i != value.length) {
    return 0;
  }
  result = (double)mantissa;
  /* Two steps for the smallest numbers, whose power of ten would overflow. */
  while (mantissa != 0 && exponent < -300 && result != 0.0) {
    result /= 1e100;
    exponent += 100;
  }
  negative_exponent = exponent < 0;
  written = negative_exponent ? -exponent : exponent;
  if (mantissa != 0 && result != 0.0) {
    if (written > 400) {
      return 0;
    }
    for (; written > 0; written >>= 1, square *= square) {
      if (written & 1) {
        power *= square;
      }
    }
    result = negative_exponent ? result / power : result * power;
  }
  if (!(result <= 1.7976931348623157e308)) {
    return 0;
  }
  *number = negative ? -result : result;
  return 1;
}

/* Reads `true` or `false`; 1 on success, 0 for anything else. */
static inline int diph_json_bool(diph_string value, int32_t *flag) {
  *flag = diph_string_equals(value, "true");
  return *flag || diph_string_equals(value, "false");
}

/* Value of four hexadecimal digits at `at`, -1 when there are none. */
static inline int32_t diph_json_hex(diph_string json, uint64_t at) {
  int32_t code = 0;
  uint64_t end = at + 4;
  if (end > json.length) {
    return -1;
  }
  for (; at < end; ++at) {
    char c = json.data[at];
    if (c >= '0' && c <= '9') {
      code = 16 * code + (c - '0');
    } else if (c >= 'a' && c <= 'f') {
      code = 16 * code + (c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      code = 16 * code + (c - 'A' + 10);
    } else {
      return -1;
    }
  }
  return code;
}

/* Code point of the escape whose backslash stands at `*at`, which moves past it; -1 for a bad one. */
static inline int32_t diph_json_escape(diph_string json, uint64_t *at) {
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  char letter = *at + 1 < json.length ? json.data[*at + 1] : 0;
  int32_t high, low, i;
  *at += 2;
  for (i = 0; letters[i] != 0; ++i) {
    if (letters[i] == letter) {
      return meanings[i];
    }
  }
  high = letter == 'u' ? diph_json_hex(json, *at) : -1;
  *at += 4;
  if (high < 0xD800 || high > 0xDFFF) {
    return high;
  }
  /* A pair of UTF-16 surrogates. */
  if (high > 0xDBFF || *at + 6 > json.length || json.data[*at] != '\\' || json.data[*at + 1] != 'u') {
    return -1;
  }
  low = diph_json_hex(json, *at + 2);
  *at += 6;
  return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00) : -1;
}

/* Reads a JSON string into `text` as UTF-8 with a zero at its end; `capacity` counts that zero. 1 on success, 0 when it is no
 * string, has a bad escape or a zero inside, or does not fit. */
static inline int diph_json_string(diph_string value, char *text, uint64_t capacity) {
  uint64_t at = 1, n = 0;
  if (value.length < 2 || diph_json_skip_string(value, 0) != value.length) {
    return 0;
  }
  while (at + 1 < value.length) {
    uint64_t bytes, i;
    int32_t code;
    if (value.data[at] != '\\') {
      if (n + 1 >= capacity || value.data[at] == 0) {
        return 0;
      }
      text[n++] = value.data[at++];
      continue;
    }
    code = diph_json_escape(value, &at);
    if (code <= 0) {
      return 0;
    }
    bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (n + bytes >= capacity) {
      return 0;
    }
    for (i = bytes - 1; i > 0; --i, code >>= 6) {
      text[n + i] = (char)(0x80 | (code & 0x3F));
    }
    text[n] = (char)(bytes == 1 ? code : (0xF00 >> bytes & 0xFF) | code);
    n += bytes;
  }
  if (n >= capacity) {
    return 0;
  }
  text[n] = 0;
  return 1;
}

#ifdef __cplusplus
}
#endif

#endif
