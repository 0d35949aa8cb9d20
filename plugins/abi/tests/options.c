/* What the helpers of diph_options.h make of JSON; the result is the number of the first failed line, or 0. */
#include "diph_options.h"

static diph_string text_of(const char *text) {
  diph_string string = {text, 0};
  while (text[string.length] != 0) ++string.length;
  return string;
}

static int same(const char *a, const char *b) { return diph_string_equals(text_of(a), b); }

static int is_number(const char *json, double expected) {
  double number = -7.0;
  return diph_json_number(text_of(json), &number) && number == expected;
}

static int is_no_number(const char *json) {
  double number;
  return !diph_json_number(text_of(json), &number);
}

static int is_string(const char *json, const char *expected) {
  char text[8];
  return diph_json_string(text_of(json), text, sizeof text) && same(text, expected);
}

static int is_no_string(const char *json) {
  char text[8];
  return !diph_json_string(text_of(json), text, sizeof text);
}

/* Number of members, or -1 minus it when the end is malformed. */
static int members(const char *json) {
  diph_member member;
  uint64_t at = 0;
  int n = 0, more;
  while ((more = diph_next_member(text_of(json), &at, &member)) > 0) ++n;
  return more == 0 ? n : -1 - n;
}

#define EXPECT(condition) \
  if (!(condition)) return __LINE__ & 255

int main(void) {
  diph_member member;
  uint64_t at = 0;
  int32_t flag;
  char message[12];
  diph_error error = {sizeof(diph_error), message, sizeof message, 0};
  const char *object = " {\"a\": {\"b\": [1, \"}\\\"\"]} , \"name\":\"x\\u00e9\" }";

  EXPECT(is_number("1", 1.0) && is_number("-0.1", -0.1) && is_number("1e22", 1e22) && is_number("25E-2", 0.25));
  EXPECT(is_number("3.14159265358979", 3.14159265358979) && is_number("0e999", 0.0) && is_number("1e-400", 0.0));
  EXPECT(is_number("5e-324", 5e-324) && is_no_number("1e309") && is_no_number("01") && is_no_number("1."));
  EXPECT(is_no_number("") && is_no_number("-") && is_no_number(".5") && is_no_number("1e") && is_no_number("1x"));
  EXPECT(is_no_number("nan") && is_no_number("\"1\"") && is_no_number("true"));

  EXPECT(is_string("\"\"", "") && is_string("\"a\\n\\\"\"", "a\n\"") && is_string("\"\\u20acab\"", "\xe2\x82\xac" "ab"));
  EXPECT(is_string("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80") && is_string("\"abcdefg\"", "abcdefg"));
  EXPECT(is_no_string("\"abcdefgh\"") && is_no_string("\"\\ud83d\"") && is_no_string("\"\\u0000\""));
  EXPECT(is_no_string("\"\\q\"") && is_no_string("a") && is_no_string("\"") && is_no_string("\"\\u00g0\""));

  EXPECT(diph_json_bool(text_of("true"), &flag) && flag == 1);
  EXPECT(diph_json_bool(text_of("false"), &flag) && flag == 0 && !diph_json_bool(text_of("1"), &flag));

  EXPECT(members("{}") == 0 && members(" { } ") == 0 && members(object) == 2 && members("{\"a\":1}") == 1);
  EXPECT(members("") == -1 && members("[1]") == -1 && members("{\"a\"}") == -1 && members("{\"a\":1,}") == -2);
  EXPECT(members("{\"a\":1") == -2 && members("{\"a\":1}x") == -2 && members("{\"a\":[1") == -1);
  EXPECT(diph_next_member(text_of(object), &at, &member) == 1 && diph_string_equals(member.key, "a"));
  EXPECT(diph_string_equals(member.value, "{\"b\": [1, \"}\\\"\"]}"));
  EXPECT(diph_next_member(text_of(object), &at, &member) == 1 && diph_string_equals(member.value, "\"x\\u00e9\""));
  EXPECT(diph_fail_option(&error, member.key, "unknown") == DIPH_ERROR_ARGUMENT && error.written == sizeof message);
  return 0;
}
