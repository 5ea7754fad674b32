#include "file/json.hpp"

#include <algorithm>

#include "file/utf8.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr size_t longest_number = 4300;  // digits; Python reads no longer integers

class Parser {
 public:
  Parser(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  Json document() {
    if (!valid_utf8(text_)) fail("it is not UTF-8");
    Json value = this->value(0);
    space();
    if (at_ < text_.size()) fail("something follows its end");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw ModelFormatError(what_ + " is not valid JSON: " + why + " at byte " + std::to_string(at_));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  Json value(int depth) {
    if (depth > max_depth) fail("it is nested more than " + std::to_string(max_depth) + " deep");
    if (++count_ > max_values) fail("it has more than " + std::to_string(max_values) + " values");
    space();
    Json json;
    if (take('{')) {
      json.kind = Json::Kind::object;
      object(json, depth);
    } else if (take('[')) {
      json.kind = Json::Kind::array;
      array(json, depth);
    } else if (peek() == '"') {
      json.kind = Json::Kind::string;
      json.text = string();
    } else if (peek() == '-' || (peek() >= '0' && peek() <= '9')) {
      json.kind = Json::Kind::number;
      json.text = number();
    } else if (word("true") || word("false")) {
      json.kind = Json::Kind::boolean;
      json.text = text_[at_ - 2] == 'u' ? "true" : "false";
    } else if (!word("null")) {
      fail("a value is missing or unknown");
    }
    return json;
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  void array(Json& json, int depth) {
    space();
    if (take(']')) return;
    do {
      json.items.push_back(value(depth + 1));
      space();
    } while (take(','));
    if (!take(']')) fail("expected ',' or ']'");
  }

  void object(Json& json, int depth) {
    space();
    if (take('}')) return;
    do {
      space();
      json.keys.push_back(string());
      space();
      if (!take(':')) fail("expected ':'");
      json.items.push_back(value(depth + 1));
      space();
    } while (take(','));
    if (!take('}')) fail("expected ',' or '}'");
    std::vector<std::string_view> sorted(json.keys.begin(), json.keys.end());
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) fail("the key " + quoted(*twice) + " is given twice");
  }

  std::string string() {
    if (!take('"')) fail("expected '\"'");
    std::string out;
    while (!take('"')) {
      if (at_ >= text_.size()) fail("a string has no end");
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) fail("a string holds a control character");
      ++at_;
      if (c == '\\') {
        escape(out);
      } else {
        out += c;
      }
    }
    return out;
  }

  void escape(std::string& out) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (c == 'u') {
      ++at_;
      uint32_t code = hex();
      if (code >= 0xD800 && code < 0xDC00 && word("\\u")) {
        const uint32_t low = hex();
        if (low < 0xDC00 || low >= 0xE000) fail("half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xD800 && code < 0xE000) {
        fail("half of a surrogate pair");
      }
      append_utf8(code, out);
      return;
    }
    const char* found = c ? std::find(letters, letters + 8, c) : letters + 8;
    if (found == letters + 8) fail("an unknown escape");
    ++at_;
    out += meanings[found - letters];
  }

  uint32_t hex() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits");
      code = code << 4 | uint32_t(digit);
      ++at_;
    }
    return code;
  }

  void digits() {
    if (peek() < '0' || peek() > '9') fail("a digit is missing");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  std::string number() {
    const size_t start = at_;
    take('-');
    if (!take('0')) digits();
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits();
    }
    if (at_ - start > longest_number) fail("a number has more than " + std::to_string(longest_number) + " digits");
    return std::string(text_.substr(start, at_ - start));
  }

  std::string_view text_;
  const std::string& what_;
  size_t at_ = 0;
  int64_t count_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[size_t(found - keys.begin())];
}

bool Json::whole() const { return kind == Kind::number && text.find_first_of(".eE") == std::string::npos; }

Json parse_json(std::string_view text, const std::string& what) { return Parser(text, what).document(); }

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 57)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + (text.size() > 57 ? "...'" : "'");
}

}  // namespace hadamrnn::file
