#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "file/document.hpp"
#include "file/loaded_data.hpp"
#include "file/network.hpp"
#include "file/parameters.hpp"
#include "fp_env.hpp"

namespace hadamrnn {
namespace file {
namespace {

Features features_of(const Card& card) {
  FeaturesSpec spec;
  spec.size = card.input_size;
  spec.pixels = card.preprocess.uint8_scale > 0;
  spec.byte_scale = float(card.preprocess.uint8_scale);
  spec.offset = card.preprocess.offset;
  spec.scale = card.preprocess.scale;
  spec.fine = card.preprocess.fine();
  return Features(spec);
}

LoadedModel model_of(Card card, const Parameters& parameters) {
  Model model = card.integer ? build_integer(card, parameters) : build(card, parameters, "");
  std::optional<Model> reverse;
  if (card.bidirectional) reverse = build(card, parameters, "reverse.");
  std::optional<Features> features;
  if (!card.tokens) features = features_of(card);
  std::vector<int32_t> permutation = card.preprocess.permutation();
  return LoadedModel(std::make_shared<const LoadedData>(
      LoadedData{std::move(card), std::move(model), std::move(reverse), std::move(features), std::move(permutation)}));
}

std::vector<uint8_t> bytes_of(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? std::streamoff(in.tellg()) : -1;
  // More than a model file may have is not read: its size alone is refused.
  std::vector<uint8_t> bytes(size < 0 ? 0 : size_t(std::min(size, std::streamoff(max_file_bytes) + 1)));
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()))) {
    throw std::system_error(errno ? errno : EIO, std::generic_category(), path + " cannot be read");
  }
  return bytes;
}

}  // namespace

LoadedModel read_model(const uint8_t* data, size_t size, bool verify) {
  isa_active();  // a wrong HADAMRNN_ISA is no fault of the file
  const DefaultFpEnv env;
  const Container container = read_container(data, size);
  const Document document = read_document(container, verify);
  Card card = read_card(document.card, document.version);
  const Parameters parameters = unpack(card, container.tensors);
  try {
    return model_of(std::move(card), parameters);
  } catch (const std::invalid_argument& error) {
    throw ModelFormatError(error.what());
  }
}

}  // namespace file

LoadedModel load(const void* data, size_t size) {
  return file::read_model(static_cast<const uint8_t*>(data), size, true);
}

LoadedModel load(const std::string& path) {
  const std::vector<uint8_t> bytes = file::bytes_of(path);
  try {
    return load(bytes.data(), bytes.size());
  } catch (const ModelFormatError& error) {
    throw ModelFormatError(path + ": " + error.what());
  }
}

}  // namespace hadamrnn
