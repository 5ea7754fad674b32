#include "file/container.hpp"

#include <algorithm>

#include "file/json.hpp"
#include "file/record.hpp"
#include "hadamrnn/load.hpp"

namespace hadamrnn::file {
namespace {

constexpr size_t max_header = size_t(1) << 24;
constexpr const char* metadata_key = "hadamrnn";

constexpr struct {
  const char* name;
  size_t size;
} dtypes[] = {{"F32", 4}, {"U8", 1}, {"I8", 1}, {"I32", 4}, {"I16", 2}};

std::string metadata_of(const Json& header) {
  const Json* metadata = header.find("__metadata__");
  if (!metadata || metadata->kind != Json::Kind::object || metadata->keys != std::vector<std::string>{metadata_key}) {
    throw ModelFormatError("the safetensors metadata has not the key 'hadamrnn' alone; this is not a hadamrnn model");
  }
  return text(metadata->items[0], "the metadata");
}

// Name, and the bytes of the file after its header that belong to it.
struct Place {
  std::string name;
  size_t begin, end;
};

Tensor tensor_of(const Json& json, const std::string& where, Place& place) {
  const Record record(json, where, {"dtype", "shape", "data_offsets"});
  const std::string dtype = text(record.at("dtype"), where + ".dtype");
  size_t d = 0;
  while (d < std::size(dtypes) && dtype != dtypes[d].name) ++d;
  if (d == std::size(dtypes)) {
    throw ModelFormatError(where + " is " + quoted(dtype) + "; expected one of F32, U8, I8, I32, I16");
  }
  Tensor tensor{Dtype(d), {}, nullptr, dtypes[d].size};
  for (const Json& item : list(record.at("shape"), where + ".shape")) {
    tensor.shape.push_back(integer(item, where + ".shape", 0, int64_t(max_file_bytes)));
    tensor.bytes *= size_t(tensor.shape.back());
    if (tensor.bytes > max_file_bytes) throw ModelFormatError(where + " has a shape that is larger than the file");
  }
  const std::vector<Json>& offsets = list(record.at("data_offsets"), where + ".data_offsets");
  if (offsets.size() != 2) throw ModelFormatError(where + ".data_offsets are not two numbers");
  place.begin = size_t(integer(offsets[0], where + ".data_offsets", 0, int64_t(max_file_bytes)));
  place.end = size_t(integer(offsets[1], where + ".data_offsets", 0, int64_t(max_file_bytes)));
  if (place.end < place.begin || place.end - place.begin != tensor.bytes) {
    throw ModelFormatError(where + " lies at bytes " + std::to_string(place.begin) + " to " +
                           std::to_string(place.end) + "; expected " + std::to_string(tensor.bytes) + " bytes");
  }
  return tensor;
}

}  // namespace

const char* dtype_name(Dtype dtype) { return dtypes[size_t(dtype)].name; }
size_t dtype_size(Dtype dtype) { return dtypes[size_t(dtype)].size; }

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

Container read_container(const uint8_t* data, size_t size) {
  if (size > max_file_bytes) {
    throw ModelFormatError("the model file has " + std::to_string(size) + " bytes; expected at most " +
                           std::to_string(max_file_bytes));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < 8 && i < size; ++i) length |= uint64_t(data[i]) << 8 * i;
  const size_t follow = size < 8 ? 0 : size - 8;
  if (size < 8 || length > follow) {
    throw ModelFormatError("the file is truncated or not a safetensors file: its header is said to have " +
                           std::to_string(length) + " bytes, " + std::to_string(follow) + " follow");
  }
  if (length > max_header) {
    throw ModelFormatError("the header has " + std::to_string(length) + " bytes; expected at most " +
                           std::to_string(max_header));
  }
  std::string_view text(reinterpret_cast<const char*>(data) + 8, size_t(length));
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  if (text.empty() || text.front() != '{' || text.back() != '}') {
    throw ModelFormatError("the safetensors header is not an object with spaces after it");
  }
  const Json header = parse_json(text, "the safetensors header");
  Container container{metadata_of(header), {}};
  std::vector<Place> places;
  for (size_t i = 0; i < header.keys.size(); ++i) {
    if (header.keys[i] == "__metadata__") continue;
    places.push_back({header.keys[i], 0, 0});
    container.tensors[header.keys[i]] = tensor_of(header.items[i], "tensor " + quoted(header.keys[i]), places.back());
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  const uint8_t* const content = data + 8 + length;
  const size_t content_size = follow - size_t(length);
  size_t end = 0;
  for (const Place& place : places) {  // one after another, without holes
    if (place.begin != end) {
      throw ModelFormatError("tensor " + quoted(place.name) + " begins at byte " + std::to_string(place.begin) +
                             "; expected " + std::to_string(end));
    }
    container.tensors[place.name].data = content + place.begin;
    end = place.end;
  }
  if (end != content_size) {
    throw ModelFormatError("the tensors take " + std::to_string(end) + " bytes, but the file has " +
                           std::to_string(content_size) + " after its header: it is truncated or was added to");
  }
  return container;
}

}  // namespace hadamrnn::file
