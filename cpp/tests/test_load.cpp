// Model files: the logits of Python to the bit, whole, in several threads and step by step; and what is refused.
#include <cmath>
#include <cstdio>
#include <limits>
#include <system_error>

#include "check.hpp"
#include "file/json.hpp"
#include "file/loaded_data.hpp"
#include "file/sha256.hpp"
#include "file/words.hpp"
#include "flush_to_zero.hpp"
#include "hadamrnn/load.hpp"
#include "tests.hpp"
#include "trace.hpp"

namespace hadamrnn::test {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes from_hex(const std::string& digits) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(uint8_t(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

LoadedModel model_of(const Trace& trace, const std::string& root) {
  if (trace.has("file")) return load(root + "/" + trace.at("file").word);
  const Bytes bytes = from_hex(trace.at("content").word);
  return load(bytes.data(), bytes.size());
}

// The numbers of a trace in the type that they had in Python.
struct Raw {
  explicit Raw(const Trace& trace) {
    const Array& a = trace.at(trace.has("x") ? "x" : "tokens");
    const std::string& type = trace.at("type").word;
    sequences.size = a.shape[0];
    sequences.steps = a.shape[1];
    if (type == "float32") fill<float>(a.f32, Number::f32);
    if (type == "float64") fill<double>(a.i32, Number::f64);
    if (type == "int16") fill<int16_t>(a.i32, Number::i16);
    if (type == "int32") fill<int32_t>(a.i32, Number::i32);
    if (type == "uint8") fill<uint8_t>(a.i32, Number::u8);
    width = int64_t(bytes.size()) / (sequences.size * sequences.steps);
    if (!trace.has("lengths")) return;
    lengths.assign(trace.at("lengths").i32.begin(), trace.at("lengths").i32.end());
    sequences.lengths = lengths.data();
  }
  template <class T, class S>
  void fill(const std::vector<S>& values, Number type) {
    const std::vector<T> typed(values.begin(), values.end());
    bytes.resize(typed.size() * sizeof(T));
    std::memcpy(bytes.data(), typed.data(), bytes.size());
    sequences.x = bytes.data();
    sequences.type = type;
  }
  const uint8_t* at(int64_t i, int64_t t) const { return bytes.data() + (i * sequences.steps + t) * width; }
  int64_t length(int64_t i) const { return lengths.empty() ? sequences.steps : lengths[size_t(i)]; }

  Bytes bytes;
  int64_t width = 0;  // bytes of a step
  std::vector<int64_t> lengths;
  Sequences sequences;
};

// Each sequence as it arrives: after its last step the logits that `infer` has for it, and at each one for "all".
void check_stream(const std::string& name, const LoadedModel& model, const Raw& raw, const std::vector<float>& y) {
  const int64_t o = model.output_size();
  const bool all = model.output() == Output::all;
  LoadedStream stream(model);
  std::vector<float> last(static_cast<size_t>(o));
  for (int64_t i = 0; i < raw.sequences.size; ++i) {
    stream.reset();
    const int64_t length = raw.length(i), cut = length / 2;
    if (!all) stream.run(raw.at(i, 0), raw.sequences.type, cut, false, last.data());
    for (int64_t t = all ? 0 : cut; t < length; ++t) {
      stream.step(raw.at(i, t), raw.sequences.type, last.data());
      const int64_t row = all ? i * raw.sequences.steps + t : i;
      if (all || t + 1 == length) check_same(name + " in a stream", last.data(), &y[size_t(row * o)], o);
    }
  }
}

void check_case(const Trace& trace, const std::string& root) {
  const LoadedModel model = model_of(trace, root);
  check(model.network().isa() == isa_active(), trace.name + " runs on " + isa_name(isa_active()));
  const Raw raw(trace);
  const std::vector<float>& expected = trace.at("y").f32;
  std::vector<float> y(expected.size(), std::numeric_limits<float>::quiet_NaN());
  for (const int threads : {1, 2}) {
    model.infer(raw.sequences, y.data(), threads);
    check_same(trace.name, y.data(), expected.data(), int64_t(y.size()));
  }
  if (model.streams()) check_stream(trace.name, model, raw, expected);
}

// Runs f, which must throw E with this text in its message.
template <class E, class F>
void check_refused(const std::string& text, const F& f) {
  try {
    f();
    check(false, "not refused: " + text);
  } catch (const E& error) {
    check(std::string(error.what()).find(text) != std::string::npos, "expected '" + text + "', got: " + error.what());
  }
}

// A model file with another text in its header.
std::string replaced(std::string content, const std::string& from, const std::string& to) {
  content.replace(content.find(from), from.size(), to);
  uint64_t length;  // of the header, little-endian like everything in the file
  std::memcpy(&length, content.data(), 8);
  length += to.size() - from.size();
  std::memcpy(&content[0], &length, 8);
  return content;
}

void check_damage(const Trace& trace) {
  const Bytes good = from_hex(trace.at("content").word);
  const std::string content(good.begin(), good.end());
  const auto refused = [&](const std::string& what, const std::string& text) {
    check_refused<ModelFormatError>(what, [&] { load(text.data(), text.size()); });
  };
  for (size_t size = 0; size < content.size(); ++size) {
    check_throws<ModelFormatError>("cut to " + std::to_string(size), [&] { load(content.data(), size); });
  }
  refused("the file is truncated or not a safetensors file", content.substr(0, 5));
  refused("is truncated or was added to", content.substr(0, content.size() - 1));
  refused("is truncated or was added to", content + "x");
  for (size_t i = 0; i < content.size(); ++i) {
    std::string damaged = content;
    damaged[i] = char(damaged[i] ^ 4);
    check_throws<ModelFormatError>("byte " + std::to_string(i) + " changed",
                                   [&] { load(damaged.data(), damaged.size()); });
  }
  std::string damaged = content;
  damaged.back() = char(damaged.back() ^ 1);
  refused("the digest does not match", damaged);
  const auto edited = [&](const std::string& from, const std::string& to) { return replaced(content, from, to); };
  refused("format version 9 is unknown; this release reads 1 to 6",
          edited("format_version\\\":1", "format_version\\\":9"));
  refused("this is not a hadamrnn model", edited("\"hadamrnn\":", "\"somebody\":"));
  refused("tensor 'input.weight' lies at bytes 1 to 576; expected 576 bytes",
          edited("\"data_offsets\":[0,", "\"data_offsets\":[1,"));
  refused("is not canonical JSON", edited("{\\\"card", "{ \\\"card"));
  refused("the digest does not match", edited("\\\"output_size\\\":3", "\\\"output_size\\\":4"));
}

// Models that are a seed, edited, as in tests/test_drawn.py; the digest does not count.
void check_drawn(const Trace& trace) {
  const Bytes good = from_hex(trace.at("content").word);
  const std::string content(good.begin(), good.end());
  const auto refused = [&](const std::string& text, const std::string& forged) {
    check_refused<ModelFormatError>(
        text, [&] { file::read_model(reinterpret_cast<const uint8_t*>(forged.data()), forged.size(), false); });
  };
  const auto edited = [&](const std::string& from, const std::string& to) { return replaced(content, from, to); };
  refused("card.drawn.rule is 'pcg64'; expected one of mix32", edited("mix32", "pcg64"));
  refused("card.drawn.seed is 4294967296; expected 0 .. 4294967295", edited("seed\\\":7", "seed\\\":4294967296"));
  refused("card.drawn.fastest is 256; expected 0 .. 255", edited("fastest\\\":31", "fastest\\\":256"));
  refused("card.drawn.slowest 15, which forgets faster", edited("slowest\\\":100", "slowest\\\":15"));
  refused("card.drawn has the unknown key 'shift'", edited("seed\\\":7", "seed\\\":7,\\\"shift\\\":1"));
  refused("card.drawn lacks the key 'seed'", edited("\\\"seed\\\":7,", ""));
  const std::string seed = R"({\"fastest\":31,\"rule\":\"mix32\",\"seed\":7,\"slowest\":100})";
  refused("card.drawn is null", edited(seed, "null"));
  refused("tensor 'input.codes' is missing", edited(R"(\"drawn\":)" + seed + ",", ""));
  refused("weight_bits 3 and bias_bits 1; expected 4 and 1", edited("\\\"weight_bits\\\":4", "\\\"weight_bits\\\":3"));
  refused("drawn is for one layer with decays", edited("\\\"decays\\\":true,", ""));
  refused("tensor 'layers.0.signs' is in the file of a model that draws it; expected none",
          edited("\"output.bias\":", "\"layers.0.signs\":"));
  // A small file makes no reader allocate much.
  refused("the columns of a drawn U is 65537; expected 1 .. 65536", edited("input_size\\\":2", "input_size\\\":65537"));
  refused("the elements of a drawn U (80 x 65536) is 5242880; expected 1 .. 4194304",
          replaced(edited("input_size\\\":2", "input_size\\\":65536"), "hidden_size\\\":20", "hidden_size\\\":80"));
}

// Random words and their codes, as in tests/test_drawn.py.
static_assert(file::Words(0, 1)[0] == 0x24009c6d && file::Words(0, 1)[2] == 0xcc844ea7, "the first words");
static_assert(file::Words(0xffffffff, 2)[1] == 0x528ca554 && file::Words(92916, 2)[39] == 0x2bf13771, "other words");
static_assert(file::code_of(0x24009c6d, 0) == -3 && file::code_of(0x24009c6d, 7) == 2, "their codes");

void check_input(const LoadedModel& model) {
  std::vector<float> y(64), x(64);
  const auto refused = [&](const std::string& text, const Sequences& s) {
    check_refused<std::invalid_argument>(text, [&] { model.infer(s, y.data()); });
  };
  x[5] = std::numeric_limits<float>::quiet_NaN();
  refused("feature 1 of step 2 is not finite", {x.data(), Number::f32, 1, 4});
  const int64_t lengths[] = {2, 5};
  refused("the length of sequence 1 is 5; expected 1 .. 4", {x.data(), Number::f32, 2, 4, lengths});
  refused("an empty sequence", {x.data(), Number::f32, 1, 0});
  x.assign(64, 3e38f);
  refused("the network leaves the finite numbers of float32 at step", {x.data(), Number::f32, 1, 20});
  LoadedStream stream(model);
  std::vector<float> first(8), again(8);
  const float fine[] = {0.25f, -1.5f};
  stream.step(fine, Number::f32, first.data());
  check_throws<std::invalid_argument>("a step that overflows",
                                      [&] { stream.run(x.data(), Number::f32, 20, false, again.data()); });
  stream.run(x.data(), Number::f32, 0, false, again.data());
  check_same("a step that throws leaves the state", again.data(), first.data(), model.output_size());
  const double far[] = {1.7e9, 0, 1.7e9 + 64, 0};
  refused("channel 0 lies between", {far, Number::f64, 1, 2});
}

void check_json() {
  const auto refused = [](const std::string& text) {
    check_throws<ModelFormatError>("JSON: " + text, [&] { file::parse_json(text, "text"); });
  };
  for (const char* text : {"",
                           "{",
                           "[1,]",
                           "{\"a\":1,\"a\":2}",
                           "01",
                           "1.",
                           "-",
                           "+1",
                           "NaN",
                           "\"\\ud800\"",
                           "\"\x80\"",
                           "\"\t\"",
                           "nul",
                           "1 2",
                           "{a:1}",
                           "\"\\x\"",
                           ".5",
                           "[1 2]",
                           "\"\xed\xa0\x80\"",
                           "\"\xc0\x80\""}) {
    refused(text);
  }
  refused(std::string(1000, '['));
  for (const char* text : {"{\"a\":[0.1,1e-05,1e+16,-0.0,123456789012345680.0,5e-324,1.7976931348623157e+308,100.0]}",
                           "[true,false,null,-12,12345678901234567890123,\"\xc3\xa9\xe2\x82\xac\\n\\u0001\\\"\\\\/\"]",
                           "0.3333333333333333", "5e-05", "0.0001", "9007199254740992.0"}) {
    const std::string written = file::canonical(file::parse_json(text, "text"));
    check(written == text || std::string(text).find("123456789012345680.0") != std::string::npos,
          "canonical: " + std::string(text) + " became " + written);
  }
  for (const char* text : {"0.10", "1E5", "1.0e5", "-0", "[1, 2]", "{\"b\":1,\"a\":2}", "\"\\u00e9\"", "\"\\/\"",
                           "0.30000000000000003", "1e999"}) {
    check(file::canonical(file::parse_json(text, "text")) != text, "not canonical: " + std::string(text));
  }
  file::Sha256 sha;
  sha.update(std::string(1000, 'a'));
  check(sha.hex() == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3", "SHA-256 of 1000 a");
}

}  // namespace

void test_load(const std::string& traces) {
  const std::string folder = traces.substr(0, traces.find_last_of("/\\") + 1);
  const std::vector<Trace> cases = read_traces(folder + "files.txt");
  for (const Trace& trace : cases) {
    try {
      check_case(trace, folder + "../..");
      const FlushToZero flush;
      check_case(trace, folder + "../..");
    } catch (const std::exception& error) {
      check(false, trace.name + ": " + error.what());
    }
  }
}

void test_files(const std::string& traces) {
  check_json();
  const std::string folder = traces.substr(0, traces.find_last_of("/\\") + 1);
  check_throws<std::system_error>("a file that is missing", [] { load("no such file"); });
  check_refused<ModelFormatError>("golden.txt: the file is truncated or not a safetensors", [&] { load(traces); });
  for (const Trace& trace : read_traces(folder + "files.txt")) {
    if (trace.name == "paley2") {
      check_damage(trace);
      check_input(model_of(trace, folder));
    }
    if (trace.name == "drawn") check_drawn(trace);
    if (trace.name == "permuted-pixels") {
      const LoadedModel model = model_of(trace, folder);
      check(model.steps() == 24 && !model.streams(), "a permutation fixes the steps");
      check_throws<std::invalid_argument>("a stream of a permuted model", [&] { LoadedStream stream(model); });
      std::vector<float> y(8);
      const std::vector<int32_t> x(24);
      check_refused<std::invalid_argument>("this model takes uint8 0 .. 255, or floats 0 .. 1", [&] {
        model.infer({x.data(), Number::i32, 1, 24}, y.data());
      });
      check_refused<std::invalid_argument>("of other than 24 steps", [&] {
        model.infer({x.data(), Number::f32, 1, 3}, y.data());
      });
    }
    if (trace.name == "far-from-zero") {
      const std::vector<float> x(2);
      check_refused<std::invalid_argument>("expected float64", [&] {
        std::vector<float> out(8);
        model_of(trace, folder).infer({x.data(), Number::f32, 1, 1}, out.data());
      });
    }
    if (trace.name == "smnist") {
      const LoadedModel model = model_of(trace, folder + "../..");
      check(model.labels().size() == 10 && model.labels()[3] == "3", "labels");
    }
  }
}

}  // namespace hadamrnn::test
