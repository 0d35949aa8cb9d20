/* Reading of options for Diph plugins in C and C++: header-only, allocates nothing, independent of the locale.
 *
 * A table says which options there are and where their values go; what is not given keeps the value that stands there:
 *
 *   double strength = 1.0;
 *   int64_t iterations = 10;
 *   int32_t is_joint = 0;
 *   char path[1024] = "";
 *   const diph_option known[] = {
 *     DIPH_NUMBER("strength", &strength),
 *     DIPH_INTEGER("iterations", &iterations),
 *     DIPH_BOOLEAN("is_joint", &is_joint),
 *     DIPH_TEXT("path", path),
 *   };
 *   int32_t status = DIPH_READ_OPTIONS(options_json, known, error);
 *   if (status != DIPH_OK) return status;
 *
 * What the table cannot say (lists, objects) is read in a loop over diph_next_member.
 */
#ifndef DIPH_OPTIONS_H
#define DIPH_OPTIONS_H

#include "diph_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Brackets inside of brackets that are read. */
#define DIPH_JSON_DEPTH 64

/* One member of a JSON object: the key between its quotes as it stands (hosts write keys without escapes), and the text of
 * its value without the white space around it. Both point into the JSON. */
typedef struct diph_member {
  diph_string key;
  diph_string value;
} diph_member;

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

static inline uint64_t diph_json_skip_space(diph_string json, uint64_t at) {
  while (at < json.length &&
         (json.data[at] == ' ' || json.data[at] == '\t' || json.data[at] == '\n' || json.data[at] == '\r')) {
    ++at;
  }
  return at;
}

/* Past the closing quote of the string that starts at `at`; 0 when there is none. Bad escapes and control characters are no
 * part of a string. */
static inline uint64_t diph_json_skip_string(diph_string json, uint64_t at) {
  if (at >= json.length || json.data[at] != '"') {
    return 0;
  }
  ++at;
  while (at < json.length && json.data[at] != '"') {
    if ((unsigned char)json.data[at] < 0x20) {
      return 0;
    }
    if (json.data[at] != '\\') {
      ++at;
    } else if (diph_json_escape(json, &at) < 0) {
      return 0;
    }
  }
  return at < json.length ? at + 1 : 0;
}

/* Past the digits that start at `at`; 0 when there are none. */
static inline uint64_t diph_json_skip_digits(diph_string json, uint64_t at) {
  uint64_t start = at;
  while (at < json.length && json.data[at] >= '0' && json.data[at] <= '9') {
    ++at;
  }
  return at > start ? at : 0;
}

/* Past the number that starts at `at`; 0 when there is none. */
static inline uint64_t diph_json_skip_number(diph_string json, uint64_t at) {
  uint64_t start;
  if (at < json.length && json.data[at] == '-') {
    ++at;
  }
  start = at;
  at = diph_json_skip_digits(json, at);
  if (at == 0 || (json.data[start] == '0' && at > start + 1)) {
    return 0;
  }
  if (at < json.length && json.data[at] == '.') {
    at = diph_json_skip_digits(json, at + 1);
  }
  if (at != 0 && at < json.length && (json.data[at] == 'e' || json.data[at] == 'E')) {
    ++at;
    if (at < json.length && (json.data[at] == '+' || json.data[at] == '-')) {
      ++at;
    }
    at = diph_json_skip_digits(json, at);
  }
  return at;
}

/* Past `word` at `at`; 0 when something else stands there. */
static inline uint64_t diph_json_skip_word(diph_string json, uint64_t at, const char *word) {
  for (; *word != 0; ++word, ++at) {
    if (at >= json.length || json.data[at] != *word) {
      return 0;
    }
  }
  return at;
}

/* Past the value that starts at `at`, inside of `depth` brackets; 0 when there is none that is well formed, and for more than
 * DIPH_JSON_DEPTH brackets. */
static inline uint64_t diph_json_skip_value(diph_string json, uint64_t at, uint32_t depth) {
  char open = at < json.length ? json.data[at] : 0, close = open == '{' ? '}' : ']';
  if (open == '"') {
    return diph_json_skip_string(json, at);
  }
  if (open != '{' && open != '[') {
    return open == 't'   ? diph_json_skip_word(json, at, "true")
           : open == 'f' ? diph_json_skip_word(json, at, "false")
           : open == 'n' ? diph_json_skip_word(json, at, "null")
                         : diph_json_skip_number(json, at);
  }
  if (depth >= DIPH_JSON_DEPTH) {
    return 0;
  }
  at = diph_json_skip_space(json, at + 1);
  if (at < json.length && json.data[at] == close) {
    return at + 1;
  }
  while (at < json.length) {
    if (open == '{') {
      at = diph_json_skip_string(json, at);
      at = at == 0 ? 0 : diph_json_skip_space(json, at);
      if (at == 0 || at >= json.length || json.data[at] != ':') {
        return 0;
      }
      at = diph_json_skip_space(json, at + 1);
    }
    at = diph_json_skip_value(json, at, depth + 1);
    at = at == 0 ? 0 : diph_json_skip_space(json, at);
    if (at == 0 || at >= json.length || (json.data[at] != ',' && json.data[at] != close)) {
      return 0;
    }
    if (json.data[at] == close) {
      return at + 1;
    }
    at = diph_json_skip_space(json, at + 1);
  }
  return 0;
}

/* Steps through the members of the object `json`; `*at` is 0 before the first call. Returns 1 with the next member, 0 after
 * the last one, -1 when this is no well-formed JSON object, which the first call already finds. */
static inline int diph_next_member(diph_string json, uint64_t *at, diph_member *member) {
  uint64_t i = diph_json_skip_space(json, *at), end;
  if (*at == 0) {
    end = i < json.length && json.data[i] == '{' ? diph_json_skip_value(json, i, 0) : 0;
    if (end == 0 || diph_json_skip_space(json, end) != json.length) {
      return -1;
    }
  }
  /* Well formed: here stands the opening bracket, a comma, or the closing bracket. */
  if (i >= json.length || json.data[i] == '}') {
    return 0;
  }
  i = diph_json_skip_space(json, i + 1);
  if (json.data[i] == '}') {
    return 0;
  }
  end = diph_json_skip_string(json, i);
  member->key.data = json.data + i + 1;
  member->key.length = end - i - 2;
  i = diph_json_skip_space(json, diph_json_skip_space(json, end) + 1);
  end = diph_json_skip_value(json, i, 1);
  member->value.data = json.data + i;
  member->value.length = end - i;
  *at = end;
  return 1;
}

/* Puts "option `key`: message" into `error` and returns DIPH_ERROR_ARGUMENT. */
static inline int32_t diph_fail_option(diph_error *error, diph_string key, const char *message) {
  return diph_failf(error, DIPH_ERROR_ARGUMENT, "option `%.*s`: %s", (int)key.length, key.data, message);
}

/* Reads a JSON number; 1 on success, 0 for anything else and for numbers beyond a double. Exact for up to 15 digits with
 * exponents up to 22, otherwise within a few units in the last place; independent of the locale. */
static inline int diph_json_number(diph_string value, double *number) {
  uint64_t i = 0, mantissa = 0;
  int negative = value.length > 0 && value.data[0] == '-', negative_exponent = 0, is_fraction = 0;
  int64_t exponent = 0, written = 0;
  double result, power = 1.0, square = 10.0;
  if (value.length == 0 || diph_json_skip_number(value, 0) != value.length) {
    return 0;
  }
  for (i = (uint64_t)negative; i < value.length && value.data[i] != 'e' && value.data[i] != 'E'; ++i) {
    if (value.data[i] == '.') {
      is_fraction = 1;
    } else if (mantissa < 100000000000000000u) {
      mantissa = 10 * mantissa + (uint64_t)(value.data[i] - '0');
      exponent -= is_fraction;
    } else {
      exponent += !is_fraction;
    }
  }
  for (++i; i < value.length; ++i) {
    if (value.data[i] == '-') {
      negative_exponent = 1;
    } else if (value.data[i] != '+' && written < 100000) {
      written = 10 * written + (value.data[i] - '0');
    }
  }
  exponent += negative_exponent ? -written : written;
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

/* Reads a JSON number without fraction and exponent; 1 on success, 0 for anything else and for numbers beyond 64 bits. */
static inline int diph_json_integer(diph_string value, int64_t *number) {
  uint64_t i = value.length > 0 && value.data[0] == '-', magnitude = 0, largest = (uint64_t)INT64_MAX + i;
  int64_t sign = i == 1 ? -1 : 1;
  if (value.length == 0 || diph_json_skip_digits(value, i) != value.length || diph_json_skip_number(value, 0) == 0) {
    return 0;
  }
  for (; i < value.length; ++i) {
    uint64_t digit = (uint64_t)(value.data[i] - '0');
    if (magnitude > (largest - digit) / 10) {
      return 0;
    }
    magnitude = 10 * magnitude + digit;
  }
  /* The smallest number has no positive counterpart. */
  *number = magnitude == 0 ? 0 : sign * (int64_t)(magnitude - 1) + sign;
  return 1;
}

/* Reads `true` or `false`; 1 on success, 0 for anything else. */
static inline int diph_json_bool(diph_string value, int32_t *flag) {
  *flag = diph_string_equals(value, "true");
  return *flag || diph_string_equals(value, "false");
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

/* An option that a plugin knows: its key, and where its value goes. Made by the macros below, which do not compile with a pointer
 * of another type. */
typedef struct diph_option {
  const char *key;
  int32_t type; /* of the four below */
  void *value;
  uint64_t capacity; /* bytes of a text, its zero included */
} diph_option;

#define DIPH_OPTION_NUMBER 1
#define DIPH_OPTION_INTEGER 2
#define DIPH_OPTION_BOOLEAN 3
#define DIPH_OPTION_TEXT 4

#define DIPH_NUMBER(key, pointer) { "" key "", DIPH_OPTION_NUMBER, 1 ? (pointer) : (double *)0, 0 }
#define DIPH_INTEGER(key, pointer) { "" key "", DIPH_OPTION_INTEGER, 1 ? (pointer) : (int64_t *)0, 0 }
#define DIPH_BOOLEAN(key, pointer) { "" key "", DIPH_OPTION_BOOLEAN, 1 ? (pointer) : (int32_t *)0, 0 }
/* `array` is an array of char, not a pointer. */
#define DIPH_TEXT(key, array) { "" key "", DIPH_OPTION_TEXT, *(1 ? &(array) : (char(*)[sizeof(array)])0), sizeof(array) }

/* Puts the value of one option where the table wants it, or says what was expected. */
static inline int32_t diph_read_option(diph_member member, const diph_option *option, diph_error *error) {
  switch (option->type) {
    case DIPH_OPTION_NUMBER:
      return diph_json_number(member.value, (double *)option->value)
                 ? DIPH_OK
                 : diph_fail_option(error, member.key, "expected a number");
    case DIPH_OPTION_INTEGER:
      return diph_json_integer(member.value, (int64_t *)option->value)
                 ? DIPH_OK
                 : diph_fail_option(error, member.key, "expected a whole number");
    case DIPH_OPTION_BOOLEAN:
      return diph_json_bool(member.value, (int32_t *)option->value)
                 ? DIPH_OK
                 : diph_fail_option(error, member.key, "expected true or false");
    case DIPH_OPTION_TEXT:
      return diph_json_string(member.value, (char *)option->value, option->capacity)
                 ? DIPH_OK
                 : diph_failf(error, DIPH_ERROR_ARGUMENT, "option `%s`: expected a text of less than %lu bytes", option->key,
                              (unsigned long)option->capacity);
    default:
      return diph_fail_option(error, member.key, "a type that the table of options has not");
  }
}

/* Reads all options of `json` by a table of `count` options. Returns DIPH_OK, or DIPH_ERROR_ARGUMENT with a message that names
 * the option: one that the table has not, or a value of another type. */
static inline int32_t diph_read_options(diph_string json, const diph_option *known, uint64_t count, diph_error *error) {
  diph_member member;
  uint64_t at = 0, i;
  int more;
  while ((more = diph_next_member(json, &at, &member)) > 0) {
    int32_t status;
    for (i = 0; i < count && !diph_string_equals(member.key, known[i].key); ++i) {
    }
    status = i < count ? diph_read_option(member, &known[i], error) : diph_fail_option(error, member.key, "unknown option");
    if (status != DIPH_OK) {
      return status;
    }
  }
  return more < 0 ? diph_fail(error, DIPH_ERROR_ARGUMENT, "options: expected a JSON object") : DIPH_OK;
}

#define DIPH_READ_OPTIONS(json, known, error) diph_read_options((json), (known), sizeof(known) / sizeof((known)[0]), (error))

#ifdef __cplusplus
}
#endif

#endif
