// What json.dumps writes: numbers as Python's repr gives them, and the canonical text of a whole value.
#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <numeric>
#include <sstream>

#include "file/json.hpp"

namespace hadamrnn::file {
namespace {

constexpr int most_digits = 17;  // that a double needs

// The nearest double in any locale; infinity where there is none, and zero for what is too small.
double parsed(const std::string& literal) {
  std::istringstream in(literal);
  in.imbue(std::locale::classic());
  double value = 0;
  in >> value;  // sets the largest double and the failure bit if there is too much
  if (in.fail() && std::fabs(value) == std::numeric_limits<double>::max()) {
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  }
  return value;
}

// |value|, not zero, as so many digits and the power of ten of the first one.
struct Decimal {
  std::string digits;
  int exponent;

  Decimal(double value, int count) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(count - 1);
    out << std::scientific << std::fabs(value);
    const std::string text = out.str();  // d.ddde+XX
    const size_t e = text.find('e');
    for (const char c : text.substr(0, e)) {
      if (c != '.') digits += c;
    }
    exponent = std::stoi(text.substr(e + 1));
  }
  double value() const {
    return parsed(digits.substr(0, 1) + "." + digits.substr(1) + "0e" + std::to_string(exponent));
  }
};

int significant_digits(const std::string& literal) {
  std::string digits;
  for (const char c : literal.substr(0, literal.find_first_of("eE"))) {
    if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) digits += c;
  }
  return int(digits.find_last_not_of('0') + 1);  // 0 where there are none
}

// The shortest digits that give this double, when a literal with `count` digits does: those, or fewer.
Decimal shortest(double value, int count) {
  while (count > 1 && Decimal(value, count - 1).value() == std::fabs(value)) --count;
  return {value, count};
}

std::string repr(const std::string& literal) {
  const double value = parsed(literal);
  if (!std::isfinite(value)) return "Infinity";  // what is not JSON equals no text
  const std::string sign = std::signbit(value) ? "-" : "";
  if (value == 0) return sign + "0.0";
  const Decimal decimal = shortest(value, std::clamp(significant_digits(literal), 1, most_digits));
  const std::string& digits = decimal.digits;
  const int e = decimal.exponent, n = int(digits.size());
  if (e < -4 || e >= 16) {
    const std::string magnitude = std::to_string(std::abs(e));
    return sign + digits.substr(0, 1) + (n > 1 ? "." + digits.substr(1) : "") + (e < 0 ? "e-" : "e+") +
           (magnitude.size() < 2 ? "0" : "") + magnitude;
  }
  if (e < 0) return sign + "0." + std::string(size_t(-e - 1), '0') + digits;
  if (n <= e + 1) return sign + digits + std::string(size_t(e + 1 - n), '0') + ".0";
  return sign + digits.substr(0, size_t(e + 1)) + "." + digits.substr(size_t(e + 1));
}

void write_string(const std::string& text, std::string& out) {
  static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const char* found = std::find(escaped, escaped + 7, c);
    if (found != escaped + 7) {
      out += {'\\', letters[found - escaped]};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    } else {
      out += c;
    }
  }
  out += '"';
}

void write(const Json& value, std::string& out) {
  switch (value.kind) {
    case Json::Kind::null: out += "null"; return;
    case Json::Kind::boolean: out += value.text; return;
    case Json::Kind::string: write_string(value.text, out); return;
    case Json::Kind::number: out += !value.whole() ? repr(value.text) : value.text == "-0" ? "0" : value.text; return;
    default: break;
  }
  const bool object = value.kind == Json::Kind::object;
  std::vector<size_t> order(value.items.size());
  std::iota(order.begin(), order.end(), size_t(0));
  if (object) {  // bytes of UTF-8 sort like the characters
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value.keys[a] < value.keys[b]; });
  }
  out += object ? '{' : '[';
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0) out += ',';
    if (object) {
      write_string(value.keys[order[i]], out);
      out += ':';
    }
    write(value.items[order[i]], out);
  }
  out += object ? '}' : ']';
}

}  // namespace

double Json::number() const { return parsed(text); }

std::string canonical(const Json& value) {
  std::string out;
  write(value, out);
  return out;
}

std::string shown(const Json& value) {
  switch (value.kind) {
    case Json::Kind::null: return "null";
    case Json::Kind::string: return quoted(value.text);
    case Json::Kind::array: return "a list";
    case Json::Kind::object: return "an object";
    default: return value.text.size() <= 60 ? value.text : value.text.substr(0, 57) + "...";
  }
}

}  // namespace hadamrnn::file
