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

static int is_integer(const char *json, int64_t expected) {
  int64_t number = -7;
  return diph_json_integer(text_of(json), &number) && number == expected;
}

static int is_no_integer(const char *json) {
  int64_t number;
  return !diph_json_integer(text_of(json), &number);
}

#define EXPECT(condition) \
  if (!(condition)) return __LINE__ & 255

/* Options by a table. */
static int table(void) {
  char message[256], path[6] = "old";
  diph_error error = {sizeof(diph_error), message, sizeof message, 0};
  double weight = 1.5;
  int64_t count = 3;
  int32_t flag = 1;
  const diph_option known[] = {DIPH_NUMBER("weight", &weight), DIPH_INTEGER("count", &count), DIPH_BOOLEAN("flag", &flag),
                               DIPH_TEXT("path", path)};
  EXPECT(DIPH_READ_OPTIONS(text_of("{}"), known, &error) == DIPH_OK && weight == 1.5 && count == 3 && same(path, "old"));
  EXPECT(DIPH_READ_OPTIONS(text_of("{\"path\": \"a/b\", \"flag\": false, \"count\": -4, \"weight\": 2}"), known, &error) == 0);
  EXPECT(weight == 2.0 && count == -4 && flag == 0 && same(path, "a/b"));
#define REFUSED(json, words)                                                                    \
  EXPECT(DIPH_READ_OPTIONS(text_of(json), known, &error) == DIPH_ERROR_ARGUMENT);               \
  message[error.written] = 0;                                                                   \
  EXPECT(same(message, words))
  REFUSED("{\"wieght\": 2}", "option `wieght`: unknown option");
  REFUSED("{\"weight\": \"2\"}", "option `weight`: expected a number");
  REFUSED("{\"count\": 2.0}", "option `count`: expected a whole number");
  REFUSED("{\"flag\": 1}", "option `flag`: expected true or false");
  REFUSED("{\"path\": \"abcdef\"}", "option `path`: expected a text of less than 6 bytes");
  REFUSED("[]", "options: expected a JSON object");
  REFUSED("{\"count\": 2} x", "options: expected a JSON object");
  EXPECT(count == -4 && diph_read_options(text_of("{\"a\": 1}"), 0, 0, &error) == DIPH_ERROR_ARGUMENT);
  return 0;
}

/* Arrays by name, and messages that are too long. */
static int arrays(void) {
  const uint64_t shape[2] = {3, 4};
  float values[12] = {0};
  diph_named_tensor named = {sizeof(diph_named_tensor), DIPH_STRING("gain"),
                             {sizeof(diph_tensor), DIPH_F32, 2, shape, values}};
  diph_acquisition acquisition = {sizeof(diph_acquisition), &named, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0, 0, 0, 0};
  const diph_tensor *tensor;
  char message[256], few[8];
  diph_error error = {sizeof(diph_error), message, sizeof message, 0}, small = {sizeof(diph_error), few, sizeof few, 0};
  EXPECT(diph_required_array(&acquisition, "gain", DIPH_F32, 2, &tensor, &error) == DIPH_OK && tensor->data == values);
  EXPECT(diph_optional_array(&acquisition, "basis", DIPH_F32, 2, &tensor, &error) == DIPH_OK && tensor == 0);
  EXPECT(diph_optional_array(&acquisition, "gain", DIPH_C128, 3, &tensor, &error) == DIPH_ERROR_ARGUMENT && tensor == 0);
  message[error.written] = 0;
  EXPECT(same(message, "array `gain`: expected c128 along 3 axes, got f32 along 2"));
  EXPECT(diph_required_array(&acquisition, "basis", DIPH_F64, 1, &tensor, &error) == DIPH_ERROR_ARGUMENT);
  message[error.written] = 0;
  EXPECT(same(message, "array `basis`: expected f64 along 1 axes, got nothing"));
  {
    const uint64_t longer[2] = {3, 5}, more[3] = {3, 4, 1};
    const diph_tensor same_as = {sizeof(diph_tensor), DIPH_F64, 2, shape, 0}, other = {sizeof(diph_tensor), DIPH_F32, 2, longer, 0},
                      third = {sizeof(diph_tensor), DIPH_F32, 3, more, 0};
    EXPECT(diph_same_shape(&named.tensor, &same_as) && !diph_same_shape(&named.tensor, &other));
    EXPECT(!diph_same_shape(&named.tensor, &third) && !diph_same_shape(&third, &named.tensor));
  }
  EXPECT(diph_failf(&small, DIPH_ERROR_SHAPE, "expected %d", 123456) == DIPH_ERROR_SHAPE && small.written == 7);
  EXPECT(diph_failf(0, DIPH_ERROR, "%s", "x") == DIPH_ERROR && same(diph_dtype_name(0), "an unknown type"));
  return 0;
}

int main(void) {
  diph_member member;
  uint64_t at = 0;
  int32_t flag;
  int failed;
  char message[12], deep[201] = "";
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

  EXPECT(is_integer("0", 0) && is_integer("-0", 0) && is_integer("9223372036854775807", INT64_MAX));
  EXPECT(is_integer("-9223372036854775808", INT64_MIN) && is_no_integer("9223372036854775808"));
  EXPECT(is_no_integer("-9223372036854775809") && is_no_integer("99999999999999999999") && is_no_integer("1.0"));
  EXPECT(is_no_integer("") && is_no_integer("-") && is_no_integer("1e2") && is_no_integer("01") && is_no_integer("+1"));

  EXPECT(members("{}") == 0 && members(" { } ") == 0 && members(object) == 2 && members("{\"a\":1}") == 1);
  EXPECT(members("{\"a\":[[],{},[1,-2.5e+3,true,false,null,\"]\"]],\"b\":{\"c\":{\"d\":\"}\"}}}") == 2);
  /* What is malformed anywhere is refused before the first member. */
  EXPECT(members("") == -1 && members("[1]") == -1 && members("{\"a\"}") == -1 && members("{\"a\":1,}") == -1);
  EXPECT(members("{\"a\":1") == -1 && members("{\"a\":1}x") == -1 && members("{\"a\":[1") == -1 && members("{,}") == -1);
  EXPECT(members("{\"a\":[1}") == -1 && members("{\"a\":[1}]}") == -1 && members("{\"a\":tru}") == -1);
  EXPECT(members("{\"a\":nul}") == -1 && members("{\"a\":1 2}") == -1 && members("{\"a\":[1,]}") == -1);
  EXPECT(members("{\"a\":01}") == -1 && members("{\"a\":.5}") == -1 && members("{\"a\":NaN}") == -1 && members("{a:1}") == -1);
  EXPECT(members("{\"a\":\"\\q\"}") == -1 && members("{\"a\":\"\n\"}") == -1 && members("{\"a\":\"\\ud83d\"}") == -1);
  EXPECT(members("{\"a\":'b'}") == -1 && members("{\"a\":1,\"b\"}") == -1 && members("{\"a\":{\"b\":[}}}") == -1);
  for (at = 0; at < 200; ++at) deep[at] = at < 100 ? '[' : ']';
  EXPECT(diph_json_skip_value(text_of(deep), 0, 0) == 0 && diph_json_skip_value(text_of(deep + 90), 0, 0) == 20);
  at = 0;
  EXPECT(diph_next_member(text_of(object), &at, &member) == 1 && diph_string_equals(member.key, "a"));
  EXPECT(diph_string_equals(member.value, "{\"b\": [1, \"}\\\"\"]}"));
  EXPECT(diph_next_member(text_of(object), &at, &member) == 1 && diph_string_equals(member.value, "\"x\\u00e9\""));
  EXPECT(diph_fail_option(&error, member.key, "unknown") == DIPH_ERROR_ARGUMENT && error.written == sizeof message - 1);
  if ((failed = table()) != 0) return failed;
  return arrays();
}
